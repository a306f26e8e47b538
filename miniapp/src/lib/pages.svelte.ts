import { persist } from './retry';

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** So often a list is read again because what it shows has changed meanwhile. */
const READS = 3;

/** A list of the server's, newest first, read page by page; kept for as long as the app is open. */
export class Pages<T extends { id: string | number }> {
  nextCursor = $state<string | null>(null);
  loaded = $state(false);
  loadingMore = $state(false);
  /** What the last reading came to; it is said until the next one has ended. */
  error = $state.raw<unknown>(null);

  #items = $state.raw<T[]>([]);
  /** How often what is known was changed from outside: an answer that was asked for before is out of date. */
  #changes = 0;
  #loads = 0;

  readonly #read: (cursor: string | null) => Promise<Page<T>>;
  /** What the list is ordered by. */
  readonly #moment: (item: T) => string | number;

  constructor(read: (cursor: string | null) => Promise<Page<T>>, moment: (item: T) => string | number) {
    this.#read = read;
    this.#moment = moment;
  }

  get items(): T[] {
    return this.#items;
  }
  set items(items: T[]) {
    this.#items = items;
    this.#changes += 1;
  }

  /** The first page anew; what was loaded of the following ones stays below it. Of several at once the last counts. */
  async load(): Promise<void> {
    const load = (this.#loads += 1);
    try {
      const page = await this.#readCurrent();
      if (load !== this.#loads) return;
      const { items, nextCursor } = page;
      const last = items.at(-1);
      const rest = this.#items.filter((item) => last && this.#moment(item) < this.#moment(last));
      if (!this.loaded || rest.length === 0) this.nextCursor = nextCursor;
      this.#items = nextCursor === null ? items : [...items, ...rest];
      this.loaded = true;
      this.error = null;
    } catch (error) {
      if (load === this.#loads) this.error = error;
    }
  }

  async more(): Promise<void> {
    this.loadingMore = true;
    this.error = null;
    try {
      const { items, nextCursor } = await persist(() => this.#read(this.nextCursor));
      const known = this.#items.map(({ id }) => id);
      this.#items = [...this.#items, ...items.filter(({ id }) => !known.includes(id))];
      this.nextCursor = nextCursor;
    } catch (error) {
      this.error = error;
    } finally {
      this.loadingMore = false;
    }
  }

  async #readCurrent(): Promise<Page<T>> {
    for (let reads = 1; ; reads += 1) {
      const changes = this.#changes;
      const page = await persist(() => this.#read(null));
      if (changes === this.#changes || reads === READS) return page;
    }
  }
}
