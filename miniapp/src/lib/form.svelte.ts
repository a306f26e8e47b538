import type { Prices, Session, Trainer } from './api';
import type { TrainingChoice } from './app.svelte';
import type { Photos } from './photos.svelte';
import { expectedSeconds, priceOf } from './price';
import { keep, recall } from './storage';
import { checkTrigger, type TriggerProblem, trimmed } from './trigger';

export type Kind = 'subject' | 'style';
/** What stands between the person and the start, the first thing first. */
export type Obstacle = 'loading' | 'uploading' | 'failed' | 'photos' | 'many' | 'trigger' | 'steps' | 'stars';

/** How a training is made, as the form can take it up again. */
export interface Settings {
  trigger: string;
  kind: Kind;
  masks: boolean;
  steps: number | null;
  /** Its id. */
  trainer: string;
}

/** What the person has set for the next training. It outlives the screen, and on this device the page. */
export class Form {
  trigger = $state('');
  kind = $state<Kind>('subject');
  masks = $state(true);
  /** Null while what is written isn't a number that the trainer takes. */
  steps = $state<number | null>(null);
  trainer: Trainer;
  /** From now on a missing trigger word is a mistake, and not just not yet there. */
  triggerLeft = $state(false);
  /** The trigger word that the server's own list has refused. */
  refusedTrigger = $state<string | null>(null);
  /** What the person has set, where that isn't what is usual. */
  #ownSteps: number | null = null;

  readonly #trainers: readonly Trainer[];
  readonly #prices: Prices;
  readonly #triggerMax: number;

  constructor({ user, trainers, prices, limits }: Session) {
    const [first] = trainers;
    if (!first) throw new Error('The server offers no trainer.');
    this.#trainers = trainers;
    this.trainer = $state.raw(first);
    this.steps = first.defaultSteps;
    this.#prices = prices;
    this.#triggerMax = limits.triggerWordMax;
    this.#remember(`selfi.form.${user.id}`);
  }

  readonly triggerProblem: TriggerProblem | 'refused' | null = $derived.by(() => {
    if (trimmed(this.trigger) === this.refusedTrigger) return 'refused';
    return checkTrigger(this.trigger, this.#triggerMax);
  });
  readonly isStyle = $derived.by(() => this.kind === 'style' && this.trainer.supportsStyle);
  /** A style has no person to cut out. */
  readonly canMask = $derived.by(() => this.trainer.supportsMasks && !this.isStyle);
  readonly #counted = $derived.by(() => this.steps ?? this.trainer.defaultSteps);
  readonly price = $derived.by(() => priceOf(this.#counted, this.trainer, this.#prices));
  readonly seconds = $derived.by(() => expectedSeconds(this.#counted, this.trainer));

  /** A number of steps that somebody has set stays, as far as the trainer takes it, and comes back where it does. */
  useTrainer(trainer: Trainer): void {
    if (this.steps !== this.trainer.defaultSteps) this.#ownSteps = this.steps ?? this.#ownSteps;
    // Where one's own was out of range, that what is usual stands there is nobody's wish.
    else if (takes(this.trainer, this.#ownSteps)) this.#ownSteps = null;
    this.#use(trainer, this.#ownSteps);
  }

  /** Settings of before, as far as they are offered today. */
  fill({ trainer, steps = null, ...others }: Partial<Settings>): void {
    this.#use(this.#trainers.find(({ id }) => id === trainer) ?? this.trainer, steps);
    Object.assign(this, others);
  }

  #use(trainer: Trainer, steps: number | null): void {
    this.trainer = trainer;
    this.steps = takes(trainer, steps) ? steps : trainer.defaultSteps;
  }

  obstacle(photos: Photos, balance: number): Obstacle | null {
    if (!photos.loaded) return 'loading';
    if (photos.uploads.active > 0) return 'uploading';
    if (photos.failed.length > 0) return 'failed';
    if (photos.count < photos.limits.photosMin) return 'photos';
    if (photos.count > photos.limits.photosMax) return 'many';
    if (this.triggerProblem) return 'trigger';
    if (this.steps === null) return 'steps';
    return this.price > balance ? 'stars' : null;
  }

  choice(): TrainingChoice {
    return {
      steps: this.#counted,
      is_style: this.isStyle,
      create_masks: this.canMask && this.masks,
      trigger_word: trimmed(this.trigger),
      trainer: this.trainer.id,
    };
  }

  /** The next training is another model, unless a new word is there already; how it is made often stays the same. */
  clear(word: string): void {
    if (trimmed(this.trigger) !== word) return;
    this.trigger = '';
    this.triggerLeft = false;
  }

  /** Per person, who may be another one on the same device. */
  #remember(key: string): void {
    this.fill(settingsIn(recall(key)));
    $effect.root(() => {
      $effect(() => {
        const { trigger, kind, masks, steps, trainer } = this;
        const settings: Settings = { trigger, kind, masks, steps, trainer: trainer.id };
        keep(key, JSON.stringify(settings));
      });
    });
  }
}

const takes = ({ minSteps, maxSteps }: Trainer, steps: number | null): steps is number =>
  steps !== null && steps >= minSteps && steps <= maxSteps;

/** What a version of ours has written, but perhaps not this one: nothing in it is taken for granted. */
function settingsIn(text: string | null): Partial<Settings> {
  let kept: Partial<Record<keyof Settings, unknown>>;
  try {
    kept = Object(JSON.parse(text ?? '{}')) as typeof kept;
  } catch {
    return {};
  }
  const { trigger, kind, masks, steps, trainer } = kept;
  return {
    ...(typeof trigger === 'string' && { trigger }),
    ...((kind === 'subject' || kind === 'style') && { kind }),
    ...(typeof masks === 'boolean' && { masks }),
    ...(Number.isInteger(steps) && { steps: steps as number }),
    ...(typeof trainer === 'string' && { trainer }),
  };
}
