import { persist } from './retry';

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** A list of the server's, newest first, read page by page; kept for as long as the app is open. */
export class Pages<T extends { id: string | number }> {
  items = $state.raw<T[]>([]);
  nextCursor = $state<string | null>(null);
  loaded = $state(false);
  loadingMore = $state(false);
  error = $state.raw<unknown>(null);

  readonly #read: (cursor: string | null) => Promise<Page<T>>;
  /** What the list is ordered by. */
  readonly #moment: (item: T) => string | number;

  constructor(read: (cursor: string | null) => Promise<Page<T>>, moment: (item: T) => string | number) {
    this.#read = read;
    this.#moment = moment;
  }

  /** The first page anew; what was loaded of the following ones stays below it. */
  async load(): Promise<void> {
    this.error = null;
    try {
      const { items, nextCursor } = await persist(() => this.#read(null));
      const last = items.at(-1);
      const rest = this.items.filter((item) => last && this.#moment(item) < this.#moment(last));
      if (!this.loaded || rest.length === 0) this.nextCursor = nextCursor;
      this.items = nextCursor === null ? items : [...items, ...rest];
      this.loaded = true;
    } catch (error) {
      this.error = error;
    }
  }

  async more(): Promise<void> {
    this.loadingMore = true;
    this.error = null;
    try {
      const { items, nextCursor } = await persist(() => this.#read(this.nextCursor));
      const known = this.items.map(({ id }) => id);
      this.items = [...this.items, ...items.filter(({ id }) => !known.includes(id))];
      this.nextCursor = nextCursor;
    } catch (error) {
      this.error = error;
    } finally {
      this.loadingMore = false;
    }
  }
}
