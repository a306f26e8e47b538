import {
  type Api,
  ApiError,
  type FieldProblem,
  type Generation,
  type GenerationStart,
  type Model,
  type Params,
  type Session,
} from './api';
import type { Models } from './models.svelte';
import { picturesPrice } from './price';
import { persist } from './retry';
import { fieldText } from './states';
import { keep, recall } from './storage';

/** A model as it was picked; the rest of it is looked up. */
interface Picked {
  id: string;
  scale: number;
}

export interface Used {
  model: Model;
  scale: number;
}

interface Choice {
  models: Picked[];
  /** The selection that it took the place of; null while that isn't known yet. */
  instead: string | null;
}

/** What stands between the person and the pictures, the first thing first. */
export type Obstacle =
  'prompt' | 'long' | 'models' | 'mixed' | 'many' | 'steps' | 'guidance' | 'seed' | 'stars';

/** What the person has set here; the rest is as they have saved it, or else as the base model has it. */
interface Own {
  aspect?: string;
  count?: number;
  /** Null while what is written isn't a number. */
  steps?: number | null;
  guidance?: number | null;
  /** Null for another one each time; NaN while what is written isn't one. */
  seed?: number | null;
}

type Saved = Required<Params>;

const NOTHING_SAVED: Saved = {
  aspect: null,
  steps: null,
  guidance: null,
  seed: null,
  count: null,
  scale: null,
};

/** The next pictures as the person wants them. It outlives the screen, and on this device the page. */
export class Wish {
  prompt = $state('');
  saved = $state.raw(NOTHING_SAVED);
  /** Whether a model that was to be used isn't there any more. */
  lost = $state(false);

  #own = $state<Own>({});
  /** Null where none were picked here: then it is those that are selected. */
  #picked = $state.raw<Choice | null>(null);
  /** Models that are in none of the lists that were read. */
  #others = $state.raw<readonly Model[]>([]);
  /** What the server said of a field, and of which value. */
  #refused = $state.raw<readonly { problem: FieldProblem; value: string }[]>([]);

  readonly #api: Pick<Api, 'model'>;
  readonly #models: Models;
  readonly #session: Session;

  constructor(api: Pick<Api, 'model'>, models: Models, session: Session) {
    this.#api = api;
    this.#models = models;
    this.#session = session;
    this.#remember(`selfi.wish.${session.user.id}`);
  }

  // --- models ---

  /** Those that a prompt is for where it names none: the selected ones, or else the person's only one. */
  readonly #selected = $derived.by(() => {
    const { own, selected } = this.#models;
    if (selected.items.length > 0) return selected.items;
    return own.items.length === 1 ? own.items : [];
  });
  /** Null until it is known. */
  readonly #selection = $derived.by(() => {
    const { own, selected } = this.#models;
    if (!own.loaded || !selected.loaded) return null;
    return this.#selected
      .map(({ id }) => id)
      .sort()
      .join();
  });
  /** What counts: what was selected after the picking is the newer wish. */
  readonly #choice = $derived.by(() => {
    const instead = this.#picked?.instead ?? null;
    const isOlder = instead !== null && this.#selection !== null && instead !== this.#selection;
    return isOlder ? null : this.#picked;
  });

  readonly used: Used[] = $derived.by(() => {
    const { scale } = this.saved;
    if (!this.#choice) return this.#selected.map((model) => ({ model, scale: scale ?? 1 }));
    return this.#choice.models.flatMap((one) => {
      const model = this.#find(one.id);
      return model ? [{ model, scale: one.scale }] : [];
    });
  });

  readonly #trainers = $derived.by(() =>
    this.used.flatMap(({ model }) => this.#session.trainers.find(({ id }) => id === model.trainer) ?? []),
  );
  /** What the first of them was trained with. */
  readonly trainer = $derived.by(() => this.#trainers[0] ?? this.#session.trainers[0]);
  readonly painter = $derived.by(() => {
    if (!this.trainer) throw new Error('The server offers no trainer.');
    return this.trainer.painter;
  });
  readonly isMixed = $derived.by(() =>
    this.#trainers.some(({ painter }) => painter.kind !== this.painter.kind),
  );
  /** What they were trained with, each kind once. */
  readonly kinds = $derived.by(() => {
    const titles = this.#trainers.map(({ title }) => title);
    return titles.filter((title, at) => titles.indexOf(title) === at);
  });

  use(models: readonly Picked[]): void {
    this.#picked = { models: models.map(({ id, scale }) => ({ id, scale })), instead: this.#selection };
    this.lost = false;
  }

  useOnly(model: Model): void {
    this.#others = [...this.#others, model];
    this.use([{ id: model.id, scale: this.saved.scale ?? 1 }]);
  }

  toggle(model: Model): void {
    const rest = this.#now.filter(({ id }) => id !== model.id);
    if (rest.length === this.used.length) {
      this.#others = [...this.#others, model];
      this.use([...rest, { id: model.id, scale: this.saved.scale ?? 1 }]);
    } else {
      this.use(rest);
    }
  }

  rescale({ id }: Model, scale: number): void {
    this.use(this.#now.map((one) => (one.id === id ? { id, scale } : one)));
  }

  get #now(): Picked[] {
    return this.used.map(({ model, scale }) => ({ id: model.id, scale }));
  }

  /** Reads what is picked and in no list; what is gone, or not for this person any more, is left out. */
  async lookUp(): Promise<void> {
    const asked = this.#choice?.models ?? [];
    await this.#check(asked.filter(({ id }) => !this.#find(id)));
  }

  /** Asks anew for those that the server wouldn't use. What is gone is left out, and nothing takes its place. */
  async reconsider(): Promise<void> {
    this.use(this.#now);
    await this.#check(this.#now);
  }

  async #check(asked: readonly Picked[]): Promise<void> {
    for (const { id } of asked) {
      try {
        const model = await persist(() => this.#api.model(id));
        this.#others = [...this.#others.filter((other) => other.id !== id), model];
      } catch (error) {
        if (!(error instanceof ApiError) || error.transient) return;
        const left = (this.#choice?.models ?? []).filter((one) => one.id !== id);
        this.#others = this.#others.filter((other) => other.id !== id);
        this.#models.forget(id);
        this.use(left);
        this.lost = true;
      }
    }
  }

  #find(id: string): Model | undefined {
    return this.#models.find(id) ?? this.#others.find((model) => model.id === id);
  }

  // --- the rest ---

  get aspect(): string {
    return this.#own.aspect ?? this.saved.aspect ?? this.#session.aspects[0] ?? '1:1';
  }
  set aspect(aspect: string) {
    this.#own.aspect = aspect;
  }

  get count(): number {
    return Math.min(this.#own.count ?? this.saved.count ?? 1, this.painter.maxPictures);
  }
  set count(count: number) {
    this.#own.count = count;
  }

  get steps(): number | null {
    return this.#own.steps === undefined ? (this.saved.steps ?? this.painter.defaultSteps) : this.#own.steps;
  }
  set steps(steps: number | null) {
    this.#own.steps = steps;
  }

  get guidance(): number | null {
    const { guidance } = this.#own;
    return guidance === undefined ? (this.saved.guidance ?? this.painter.defaultGuidance) : guidance;
  }
  set guidance(guidance: number | null) {
    this.#own.guidance = guidance;
  }

  get seed(): number | null {
    return this.#own.seed === undefined ? this.saved.seed : this.#own.seed;
  }
  set seed(seed: number | null) {
    this.#own.seed = seed;
  }

  readonly price = $derived.by(() => picturesPrice(this.count, this.painter, this.#session.prices));
  /** As the server counts them. */
  readonly length = $derived.by(() => Array.from(this.#text).length);
  readonly #text = $derived.by(() => this.prompt.split(/\s+/u).filter(Boolean).join(' '));

  obstacle(balance: number): Obstacle | null {
    const { steps, guidance, painter } = this;
    const { promptMax, seedMax } = this.#session.limits;
    if (this.length === 0) return 'prompt';
    if (this.length > promptMax) return 'long';
    if (this.used.length === 0) return 'models';
    if (this.isMixed) return 'mixed';
    if (this.used.length > painter.maxModels) return 'many';
    if (steps === null || steps < painter.minSteps || steps > painter.maxSteps) return 'steps';
    if (guidance === null || guidance < painter.minGuidance || guidance > painter.maxGuidance)
      return 'guidance';
    if (this.seed !== null && !(this.seed <= seedMax)) return 'seed';
    return this.price > balance ? 'stars' : null;
  }

  /** All of it, so that what is made is what was seen. A seed is for whoever sends it to choose where there is none. */
  order(): GenerationStart {
    const { aspect, steps, guidance, seed, count } = this;
    return { prompt: this.#text, models: this.#now, aspect, steps, guidance, seed, count };
  }

  randomSeed(): number {
    return Math.floor(Math.random() * (this.#session.limits.seedMax + 1));
  }

  // --- what the server says ---

  /** Answers whether it names a field of this form. */
  refuse(error: ApiError): boolean {
    this.#refused = error.fields.map((problem) => ({ problem, value: this.#valueOf(problem.field) }));
    return error.fields.length > 0;
  }

  /** What was wrong with a field, for as long as it stays as it was. */
  problemOf(field: keyof GenerationStart): string | null {
    const value = this.#valueOf(field);
    const one = this.#refused.find(
      ({ problem, value: before }) => problem.field === field && before === value,
    );
    return one ? fieldText(one.problem) : null;
  }

  #valueOf(field: string): string {
    return JSON.stringify(this.order()[field as keyof GenerationStart] ?? null);
  }

  // --- what is kept ---

  /** What the person has saved for wherever nothing else is said. */
  remember(params: Params): void {
    this.saved = { ...NOTHING_SAVED, ...params };
  }

  /** What to save as the person's parameters; what the base model has anyway is left to it. */
  get settings(): Saved {
    const { aspect, steps, guidance, seed, count, painter, used } = this;
    const [first] = used;
    const isOne = first !== undefined && used.every(({ scale }) => scale === first.scale);
    return {
      aspect,
      steps: steps === painter.defaultSteps ? null : steps,
      guidance: guidance === painter.defaultGuidance ? null : guidance,
      seed,
      count,
      scale: isOne && (first.scale !== 1 || this.saved.scale !== null) ? first.scale : this.saved.scale,
    };
  }

  /** Whether there is something to save. */
  readonly isUnusual = $derived.by(() => {
    const { settings, saved } = this;
    const { aspect, count, ...others } = saved;
    const before = { ...others, aspect: aspect ?? this.#session.aspects[0], count: count ?? 1 };
    return (Object.keys(settings) as (keyof Saved)[]).some((name) => settings[name] !== before[name]);
  });

  /** As saved, but for the prompt and the models. */
  reset(): void {
    this.#own = {};
    if (this.#picked) this.use(this.#now.map(({ id }) => ({ id, scale: this.saved.scale ?? 1 })));
  }

  /** As those pictures were made. */
  fill({ prompt, models, aspect, steps, guidance, seed, count }: Generation, withSeed = true): void {
    this.prompt = prompt;
    this.#own = { aspect, steps, guidance, count, seed: withSeed ? seed : null };
    const left = models.flatMap(({ id, scale }) => (id === null ? [] : [{ id, scale }]));
    this.use(left);
    this.lost = left.length < models.length;
  }

  /** Per person, who may be another one on the same device. */
  #remember(key: string): void {
    const { prompt, own, picked } = keptIn(recall(key));
    this.prompt = prompt;
    this.#own = own;
    this.#picked = picked;
    $effect.root(() => {
      // Once the selection is known, what was picked before takes its place.
      $effect(() => {
        const [choice, selection] = [this.#picked, this.#selection];
        if (choice?.instead === null && selection !== null) this.#picked = { ...choice, instead: selection };
      });
      $effect(() => {
        keep(key, JSON.stringify({ prompt: this.prompt, own: this.#own, picked: this.#picked }));
      });
    });
  }
}

interface Kept {
  prompt: string;
  own: Own;
  picked: Choice | null;
}

/** What a version of ours has written, but perhaps not this one: nothing in it is taken for granted. */
function keptIn(text: string | null): Kept {
  const { prompt, own, picked } = fieldsOf(parsed(text));
  const { aspect, count, steps, guidance, seed } = fieldsOf(own);
  const { models, instead } = fieldsOf(picked);
  const isNumber = (value: unknown): value is number => typeof value === 'number' && value >= 0;
  return {
    prompt: typeof prompt === 'string' ? prompt : '',
    own: {
      ...(typeof aspect === 'string' && { aspect }),
      ...(isNumber(count) && count > 0 && { count }),
      ...(isNumber(steps) && { steps }),
      ...(isNumber(guidance) && { guidance }),
      ...(isNumber(seed) && { seed }),
    },
    picked:
      Array.isArray(models) && (typeof instead === 'string' || instead === null)
        ? {
            instead,
            models: models
              .map(fieldsOf)
              .flatMap(({ id, scale }) => (typeof id === 'string' && isNumber(scale) ? [{ id, scale }] : [])),
          }
        : null,
  };
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '{}');
  } catch {
    return {};
  }
}

const fieldsOf = (value: unknown): Record<string, unknown> => Object(value) as Record<string, unknown>;
