import { ApiError, type Generation, type GenerationStart, type Style } from './api';
import type { App } from './app.svelte';
import { Generations } from './generations.svelte';
import { persist } from './retry';
import { Wish } from './wish.svelte';

/** A wish as it was meant: kept through retries, so that none of them is made and paid a second time. */
interface Intent {
  meant: string;
  key: string;
  body: GenerationStart;
}

const ATTEMPTS = 6;

/** Making pictures, and those that were made: what the screens for it share. It comes with them, after the first. */
export class Studio {
  readonly wish: Wish;
  readonly generations: Generations;
  styles = $state.raw<Style[]>([]);

  readonly #app: App;
  #intent: Intent | null = null;

  constructor(app: App) {
    this.#app = app;
    this.wish = new Wish(app.api, app.models, app.session);
    this.generations = new Generations(app.api, app.session.generations);
  }

  /** What Create builds on. Without the styles and the saved parameters it works as well. */
  async load(): Promise<void> {
    const { api, models, session } = this.#app;
    // What was asked for in the chat is being made, too.
    for (const one of session.generations) this.generations.take(one);
    const [params, styles] = await Promise.allSettled([
      persist(() => api.params()),
      persist(() => api.styles()),
      models.own.load(),
      models.selected.load(),
    ]);
    if (params.status === 'fulfilled') this.wish.remember(params.value);
    if (styles.status === 'fulfilled') this.styles = styles.value.items;
    await this.wish.lookUp();
  }

  /** Raises the server's problem; those of a field are then in the wish. */
  async make(): Promise<Generation> {
    const { wish, generations } = this;
    return this.#ask(wish.order(), (error) => wish.refuse(error)).then((one) => generations.take(one));
  }

  /** The same with another seed. */
  async again({ prompt, models, aspect, steps, guidance, count }: Generation): Promise<Generation> {
    const used = models.map(({ id, scale, triggerWord }) => {
      if (id === null) throw new ApiError(422, 'model_unknown', triggerWord);
      return { id, scale };
    });
    const order = { prompt, models: used, aspect, steps, guidance, count, seed: null };
    return this.generations.take(await this.#ask(order, () => false));
  }

  async #ask(order: GenerationStart, onRefusal: (error: ApiError) => void): Promise<Generation> {
    const meant = JSON.stringify(order);
    if (this.#intent?.meant !== meant) {
      const seed = order.seed ?? this.wish.randomSeed();
      this.#intent = { meant, key: crypto.randomUUID(), body: { ...order, seed } };
    }
    const { body, key } = this.#intent;
    try {
      const generation = await persist(() => this.#app.api.generate(body, key), ATTEMPTS);
      this.#intent = null;
      void this.#app.refresh();
      return generation;
    } catch (error) {
      // A clear no ends the intent; without any answer the same one is asked again.
      if (error instanceof ApiError && !error.transient) {
        this.#intent = null;
        onRefusal(error);
      }
      throw error;
    }
  }

  async saveParams(): Promise<void> {
    const { settings } = this.wish;
    this.wish.remember(await persist(() => this.#app.api.saveParams(settings)));
  }
}

const studios = new WeakMap<App, Studio>();

/** The app's one. */
export function studioOf(app: App): Studio {
  const known = studios.get(app);
  if (known) return known;
  // What a screen makes ends with the screen, and what is derived in it stands still from then on. This stays.
  $effect.root(() => void studios.set(app, new Studio(app)));
  return studioOf(app);
}
