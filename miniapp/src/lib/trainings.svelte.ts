import type { Api, Training, TrainingStatus } from './api';
import { persist } from './retry';
import { isFinal } from './watch';

/** The person's trainings, newest first; kept for as long as the app is open. */
export class Trainings {
  items = $state.raw<Training[]>([]);
  nextCursor = $state<string | null>(null);
  loaded = $state(false);
  loadingMore = $state(false);
  error = $state.raw<unknown>(null);
  readonly running = $derived.by(() => this.items.filter((training) => !isFinal(training)));
  readonly ended = $derived.by(() => this.items.filter(isFinal));

  readonly #api: Api;

  /** `running` is what the session knows already: something to show at once. */
  constructor(api: Api, running: Training[]) {
    this.#api = api;
    this.items = running;
  }

  /** The first page anew; what was loaded of the following ones stays below it. */
  async load(): Promise<void> {
    try {
      const { items, nextCursor } = await persist(() => this.#api.trainings());
      const rest = this.items.filter(older(items.at(-1)));
      if (!this.loaded || rest.length === 0) this.nextCursor = nextCursor;
      this.items = nextCursor === null ? items : [...items, ...rest];
      this.loaded = true;
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  async more(): Promise<void> {
    this.loadingMore = true;
    try {
      const { items, nextCursor } = await persist(() => this.#api.trainings(this.nextCursor));
      this.items = [...this.items, ...items];
      this.nextCursor = nextCursor;
      this.error = null;
    } catch (error) {
      this.error = error;
    } finally {
      this.loadingMore = false;
    }
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
}

function goesBy(id: string): (training: Training) => boolean {
  return (training) => training.id === id || training.trainingId === id;
}

function older(last: Training | undefined): (training: Training) => boolean {
  return (training) => last !== undefined && training.startedAt < last.startedAt;
}
