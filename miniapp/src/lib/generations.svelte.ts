import { type Api, ApiError, type Generation, type Picture } from './api';
import { isFinal } from './final';
import { Pages } from './pages.svelte';
import { persist } from './retry';

/** A picture, and what it came from. */
export interface Shot {
  picture: Picture;
  generation: Generation;
}

/** So many that have ended stay in sight where they were asked for. */
const RECENT = 3;

/** The person's pictures: the gallery, and what is being made. */
export class Generations extends Pages<Generation> {
  /** Those of this sitting: what runs, and what has ended since; newest first. */
  recent = $state.raw<Generation[]>([]);

  readonly shots: Shot[] = $derived.by(() =>
    this.items.flatMap((generation) => generation.pictures.map((picture) => ({ picture, generation }))),
  );
  readonly running = $derived.by(() => this.recent.filter((one) => !isFinal(one)));

  readonly #api: Api;

  /** `running` is what the session knows already: something to show at once. */
  constructor(api: Api, running: Generation[]) {
    super(
      (cursor) => api.generations(cursor),
      ({ createdAt }) => createdAt,
    );
    this.#api = api;
    this.recent = running;
  }

  override async load(): Promise<void> {
    await super.load();
    // What was asked for in the chat, or after a training, is being made, too.
    for (const one of this.items) if (!isFinal(one) || this.#isRecent(one)) this.take(one);
  }

  override async more(): Promise<void> {
    await super.more();
    // One that a link led to may have been further back than the list went so far.
    this.items = sorted([...this.items]);
  }

  #isRecent({ id }: Generation): boolean {
    return this.recent.some((one) => one.id === id);
  }

  /** By its own id or that of one of its pictures. */
  find(id: string): Generation | null {
    return [...this.recent, ...this.items].find(goesBy(id)) ?? null;
  }

  /** Takes in what has become known of one; answers it as it stands. */
  take(generation: Generation): Generation {
    const before = this.find(generation.id);
    // What has ended stays so, even if an older answer comes late.
    if (before && isFinal(before) && !isFinal(generation)) return before;
    const runs = !isFinal(generation);
    if (runs || this.#isRecent(generation)) {
      this.recent = fewer(sorted([generation, ...without(this.recent, generation.id)]));
    }
    // The gallery has what has pictures, or gets some.
    const rest = without(this.items, generation.id);
    this.items = generation.status === 'FAILED' ? rest : sorted([generation, ...rest]);
    return generation;
  }

  async read(id: string): Promise<Generation> {
    return this.take(await persist(() => this.#api.generation(id)));
  }

  async cancel(id: string): Promise<Generation> {
    return this.take(await persist(() => this.#api.cancelGeneration(id)));
  }

  /** A picture by its id, or all of a generation's by that one's. */
  async remove(id: string): Promise<void> {
    try {
      await this.#api.removeGeneration(id);
    } catch (error) {
      // Gone already is what was wanted.
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
    const kept = ({ pictures }: Generation) => pictures.filter((picture) => picture.id !== id);
    const left = (list: Generation[]) =>
      without(list, id)
        .map((one) => (goesBy(id)(one) ? { ...one, pictures: kept(one) } : one))
        .filter((one) => one.status !== 'COMPLETED' || one.pictures.length > 0);
    this.items = left(this.items);
    this.recent = left(this.recent);
  }

  /** Out of sight where it was asked for. */
  dismiss(id: string): void {
    this.recent = without(this.recent, id);
  }
}

function goesBy(id: string): (generation: Generation) => boolean {
  return (one) => one.id === id || one.pictures.some((picture) => picture.id === id);
}

function without(list: readonly Generation[], id: string): Generation[] {
  return list.filter((one) => one.id !== id);
}

function sorted(list: Generation[]): Generation[] {
  return list.sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1));
}

function fewer(list: readonly Generation[]): Generation[] {
  let ended = 0;
  return list.filter((one) => !isFinal(one) || (ended += 1) <= RECENT);
}
