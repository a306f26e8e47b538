import type { Api, Training, TrainingStatus } from './api';
import { isFinal } from './final';
import { Pages } from './pages.svelte';

/** The person's trainings. */
export class Trainings extends Pages<Training> {
  readonly running = $derived.by(() => this.items.filter((training) => !isFinal(training)));
  readonly ended = $derived.by(() => this.items.filter(isFinal));

  /** `running` is what the session knows already: something to show at once. */
  constructor(api: Api, running: Training[]) {
    super(
      (cursor) => api.trainings(cursor),
      ({ startedAt }) => startedAt,
    );
    this.items = running;
  }

  /** By either of its ids. */
  find(id: string): Training | null {
    return this.items.find(goesBy(id)) ?? null;
  }

  update(id: string, status: TrainingStatus): void {
    this.items = this.items.map((training) =>
      // What has ended stays so, even if an older answer comes late.
      goesBy(id)(training) && (isFinal(status) || !isFinal(training)) ? { ...training, ...status } : training,
    );
  }

  /** With its model, which alone is deleted by a person, a training is gone. */
  forget(id: string): void {
    this.items = this.items.filter((training) => !goesBy(id)(training));
  }
}

function goesBy(id: string): (training: Training) => boolean {
  return (training) => training.id === id || training.trainingId === id;
}
