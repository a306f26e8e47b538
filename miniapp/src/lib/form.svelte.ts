import type { Prices, Session, Trainer } from './api';
import type { TrainingChoice } from './app.svelte';
import type { Photos } from './photos.svelte';
import { expectedSeconds, priceOf } from './price';
import { keep, recall } from './storage';
import { checkTrigger, trimmed } from './trigger';

export type Kind = 'subject' | 'style';
/** What stands between the person and the start, the first thing first. */
export type Obstacle = 'uploading' | 'photos' | 'many' | 'trigger' | 'steps' | 'stars';

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

  readonly triggerProblem = $derived.by(() => checkTrigger(this.trigger, this.#triggerMax));
  readonly isStyle = $derived.by(() => this.kind === 'style' && this.trainer.supportsStyle);
  /** A style has no person to cut out. */
  readonly canMask = $derived.by(() => this.trainer.supportsMasks && !this.isStyle);
  readonly #counted = $derived.by(() => this.steps ?? this.trainer.defaultSteps);
  readonly price = $derived.by(() => priceOf(this.#counted, this.trainer, this.#prices));
  readonly seconds = $derived.by(() => expectedSeconds(this.#counted, this.trainer));

  useTrainer(trainer: Trainer): void {
    this.trainer = trainer;
    this.steps = trainer.defaultSteps;
  }

  /** Settings of before, as far as they are offered today. */
  fill({ trainer, steps, ...others }: Partial<Settings>): void {
    this.useTrainer(this.#trainers.find(({ id }) => id === trainer) ?? this.trainer);
    if (steps && steps >= this.trainer.minSteps && steps <= this.trainer.maxSteps) this.steps = steps;
    Object.assign(this, others);
  }

  obstacle(photos: Photos, balance: number): Obstacle | null {
    if (photos.uploads.active > 0) return 'uploading';
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

  /** The next training is another model; how it is made often stays the same. */
  clear(): void {
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
