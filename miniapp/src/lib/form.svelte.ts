import type { Prices, Session, Trainer } from './api';
import type { TrainingChoice } from './app.svelte';
import type { Photos } from './photos.svelte';
import { expectedSeconds, priceOf } from './price';
import { checkTrigger } from './trigger';

export type Kind = 'subject' | 'style';
/** What stands between the person and the start, the first thing first. */
export type Obstacle = 'uploading' | 'photos' | 'trigger' | 'steps' | 'stars';

/** What the person has set for the next training. It outlives the screen. */
export class Form {
  trigger = $state('');
  kind = $state<Kind>('subject');
  masks = $state(true);
  /** Null while what is written isn't a number that the trainer takes. */
  steps = $state<number | null>(null);
  trainer: Trainer;
  /** From now on a missing trigger word is a mistake, and not just not yet there. */
  triggerLeft = $state(false);

  readonly #prices: Prices;
  readonly #triggerMax: number;

  constructor({ trainers: [first], prices, limits }: Session) {
    if (!first) throw new Error('The server offers no trainer.');
    this.trainer = $state.raw(first);
    this.steps = first.defaultSteps;
    this.#prices = prices;
    this.#triggerMax = limits.triggerWordMax;
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

  obstacle(photos: Photos, balance: number): Obstacle | null {
    if (photos.uploads.active > 0) return 'uploading';
    if (photos.count < photos.limits.photosMin) return 'photos';
    if (this.triggerProblem) return 'trigger';
    if (this.steps === null) return 'steps';
    return this.price > balance ? 'stars' : null;
  }

  choice(): TrainingChoice {
    return {
      steps: this.#counted,
      is_style: this.isStyle,
      create_masks: this.canMask && this.masks,
      trigger_word: this.trigger.trim(),
      trainer: this.trainer.id,
    };
  }

  /** The next training is another model; how it is made often stays the same. */
  clear(): void {
    this.trigger = '';
    this.triggerLeft = false;
  }
}
