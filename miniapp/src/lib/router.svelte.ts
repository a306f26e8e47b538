import { tick } from 'svelte';

export type Tab = 'create' | 'gallery' | 'train' | 'models' | 'account';
export type Route =
  | { screen: Tab | 'trainings' | 'unknown' }
  /** A picture goes by its own id, or by that of the generation that it came from. */
  | { screen: 'training' | 'model' | 'picture'; id: string };

interface Entry {
  route: Route;
  depth: number;
  /** Pixels that it was scrolled by when something was opened on top of it. */
  scrolled?: number;
  /** What had the focus then, as it is called. */
  focused?: string;
}

/**
 * The browser's own history, so that every kind of "back" works. The route lives in the entry's state and not in
 * the address, where Telegram keeps the launch parameters.
 */
export class Router {
  #leaving = false;
  #entry = $state.raw<Entry>({ route: { screen: 'train' }, depth: 0 });

  constructor() {
    if (isEntry(history.state)) this.#entry = history.state;
    // The browser would do it before what is to be scrolled is there.
    history.scrollRestoration = 'manual';
    addEventListener('popstate', (event) => {
      this.#leaving = false;
      if (isEntry(event.state)) void this.#returnTo(event.state);
    });
  }

  get route(): Route {
    return this.#entry.route;
  }

  get canGoBack(): boolean {
    return this.#entry.depth > 0;
  }

  /** Nothing is restored when the app opens anew: then the caller says where to begin. */
  get isFresh(): boolean {
    return !isEntry(history.state);
  }

  /** To another tab: nothing to come back from. */
  switchTo(route: Route): void {
    this.#entry = { route, depth: this.#entry.depth };
    history.replaceState(this.#entry, '');
    scrollTo(0, 0);
  }

  push(route: Route): void {
    history.replaceState({ ...this.#entry, scrolled: scrollY, focused: nameOf(document.activeElement) }, '');
    this.#entry = { route, depth: this.#entry.depth + 1 };
    history.pushState(this.#entry, '');
    scrollTo(0, 0);
    void focus();
  }

  /** Out of all that was opened on top, to a tab. */
  home(route: Route): void {
    const { depth } = this.#entry;
    if (depth === 0) {
      this.switchTo(route);
      return;
    }
    if (this.#leaving) return;
    addEventListener('popstate', () => this.switchTo(route), { once: true });
    this.#leave(depth);
  }

  back(): void {
    if (this.canGoBack) this.#leave(1);
  }

  /**
   * For what takes a while: what is returned says whether the person is still where they were. Nobody is taken
   * elsewhere by an answer that they no longer wait for.
   */
  watch(): () => boolean {
    const { route } = this.#entry;
    return () => this.#entry.route === route;
  }

  /** Going back takes a moment: a second tap in it must not go further, out of the app. */
  #leave(depth: number): void {
    if (this.#leaving) return;
    this.#leaving = true;
    history.go(-depth);
  }

  async #returnTo(entry: Entry): Promise<void> {
    this.#entry = entry;
    await tick();
    scrollTo(0, entry.scrolled ?? 0);
    await focus(entry.focused);
  }
}

/** What it is called on the screen, by which it is found there again. */
function nameOf(element: Element | null): string {
  return element?.getAttribute('aria-label') ?? element?.textContent.trim() ?? '';
}

/**
 * The focus went with the screen that had it: it is given back to what is called so, or else to the heading, so that
 * whoever works by keyboard goes on from there, and screen readers say where they are.
 */
async function focus(name = ''): Promise<void> {
  // A long list draws what is in sight once it has been scrolled, and some screens ask the server first.
  for (let looks = 0; looks < 20; looks += 1) {
    await tick();
    await new Promise(requestAnimationFrame);
    if (document.activeElement !== document.body) return;
    const buttons = name === '' ? [] : [...document.querySelectorAll<HTMLElement>('main button')];
    const heading = document.querySelector<HTMLElement>('main h1');
    if (heading) heading.tabIndex = -1;
    const goal = buttons.find((one) => nameOf(one) === name) ?? heading;
    if (goal) {
      goal.focus({ preventScroll: true });
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function isEntry(state: unknown): state is Entry {
  return typeof state === 'object' && state !== null && 'route' in state && 'depth' in state;
}
