import { type Api, ApiError, type Model, type ModelEdit } from './api';
import { Pages } from './pages.svelte';
import { persist } from './retry';

export type Scope = 'own' | 'public';

/** The models that a person may use: their own, and public ones. */
export class Models {
  /** Which of the two lists is shown; it outlives the screen. */
  scope = $state<Scope>('own');
  readonly own: Pages<Model>;
  readonly public: Pages<Model>;
  readonly selected: Pages<Model>;
  readonly #api: Api;
  #changes: Promise<unknown> = Promise.resolve();
  /** How many changes there were, and which was each model's last: an answer from before it is out of date. */
  #count = 0;
  readonly #last: Record<string, number | undefined> = {};
  readonly #gone: string[] = [];

  readonly selectedCount = $derived.by(() => this.selected.items.length);

  constructor(api: Api) {
    this.#api = api;
    const list = (scope: Scope | 'selected') =>
      new Pages<Model>(
        // What is being changed would come as it was before.
        (cursor) => this.#changes.then(() => api.models(scope, cursor)),
        ({ createdAt }) => createdAt,
      );
    this.own = list('own');
    this.public = list('public');
    this.selected = list('selected');
  }

  async load(): Promise<void> {
    await Promise.all([this[this.scope].load(), this.selected.load()]);
  }

  find(id: string): Model | null {
    return (
      [...this.own.items, ...this.public.items, ...this.selected.items].find((model) => model.id === id) ??
      null
    );
  }

  /** One of them as the server has it; nothing that is being changed comes as it was before. */
  async read(id: string): Promise<Model> {
    await this.#changes;
    const before = this.#last[id];
    const model = await persist(() => this.#api.model(id));
    if (before !== this.#last[id]) return this.read(id);
    this.take(model);
    return model;
  }

  /**
   * Answers the model as the server then has it, or null where it was changed again meanwhile. One change after the other: a try again of an older wish must not
   * come after a newer one.
   */
  async edit(id: string, change: ModelEdit, attempts?: number): Promise<Model | null> {
    const before = this.#changes;
    const turn = (this.#last[id] = this.#count += 1);
    const changing = before.then(() => persist(() => this.#api.editModel(id, change), attempts));
    this.#changes = changing.catch(() => undefined);
    const model = await changing;
    if (this.#last[id] !== turn) return null;
    this.take(model);
    return model;
  }

  async remove(id: string): Promise<void> {
    try {
      await this.#api.removeModel(id);
    } catch (error) {
      // Gone already is what was wanted.
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
    this.forget(id);
  }

  /** It is nowhere any more, as far as we know. */
  forget(id: string): void {
    this.#gone.push(id);
    for (const list of [this.own, this.public, this.selected]) list.items = without(list.items, id);
  }

  /** Brings every list up to date with what has become known of a model. */
  take(model: Model): void {
    if (this.#gone.includes(model.id)) return;
    this.own.items = replaced(this.own.items, model);
    this.public.items = model.isPublic
      ? replaced(this.public.items, model)
      : without(this.public.items, model.id);
    const others = without(this.selected.items, model.id);
    this.selected.items = model.selected ? [model, ...others] : others;
  }
}

function replaced(items: Model[], model: Model): Model[] {
  return items.map((item) => (item.id === model.id ? model : item));
}

function without(items: Model[], id: string): Model[] {
  return items.filter((item) => item.id !== id);
}
