/** The client's own buttons. A screen asks whether they are there, and brings its own where they aren't. */
import { can, tell } from './client';
import { themeColor } from './theme';

export interface ButtonLook {
  text: string;
  enabled: boolean;
  loading: boolean;
  /** What it does can't be undone. */
  danger: boolean;
}

type Method = 'web_app_setup_main_button' | 'web_app_setup_secondary_button';

/** While a sheet lies over the screen, the screen's buttons are gone. */
let covers = 0;

class BottomButton {
  readonly #method: Method;
  readonly #ownText: string;
  #look: ButtonLook | null = null;
  #listener: (() => void) | null = null;

  constructor(method: Method, ownText: string) {
    this.#method = method;
    this.#ownText = ownText;
  }

  get isThere(): boolean {
    return can(this.#method);
  }

  show(look: ButtonLook | null): void {
    this.#look = look;
    this.draw();
  }

  /** One screen at a time has the button; it goes with its listener. */
  onPress(listener: () => void): () => void {
    this.#listener = listener;
    return () => {
      if (this.#listener !== listener) return;
      this.#listener = null;
      this.show(null);
    };
  }

  press(): void {
    this.#listener?.();
  }

  get isShown(): boolean {
    return this.isThere && this.#look !== null && covers === 0;
  }

  draw(): void {
    const isShown = mainButton.isShown || secondaryButton.isShown;
    document.documentElement.toggleAttribute('data-buttons', isShown);
    if (!this.#look || covers > 0) {
      tell(this.#method, { is_visible: false });
      return;
    }
    const { text, enabled, loading, danger } = this.#look;
    // What isn't said stays as it was before, so the colour of the text always is.
    const textColor = themeColor(danger ? 'destructive_text_color' : this.#ownText);
    tell(this.#method, {
      is_visible: true,
      is_active: enabled && !loading,
      is_progress_visible: loading,
      text,
      ...(textColor && { text_color: textColor }),
    });
  }
}

export const mainButton = new BottomButton('web_app_setup_main_button', 'button_text_color');
export const secondaryButton = new BottomButton('web_app_setup_secondary_button', 'button_color');

export function drawBottomButtons(): void {
  mainButton.draw();
  secondaryButton.draw();
}

export function coverBottomButtons(): () => void {
  covers += 1;
  drawBottomButtons();
  return () => {
    covers -= 1;
    drawBottomButtons();
  };
}

/** A button of the header, there while anybody listens; the newest listener alone hears it. */
class HeaderButton {
  readonly #method: 'web_app_setup_back_button' | 'web_app_setup_settings_button';
  readonly #listeners: (() => void)[] = [];

  constructor(method: 'web_app_setup_back_button' | 'web_app_setup_settings_button') {
    this.#method = method;
  }

  onPress(listener: () => void): () => void {
    this.#listeners.push(listener);
    this.#draw();
    return () => {
      this.#listeners.splice(this.#listeners.lastIndexOf(listener), 1);
      this.#draw();
    };
  }

  press(): void {
    this.#listeners.at(-1)?.();
  }

  #draw(): void {
    tell(this.#method, { is_visible: this.#listeners.length > 0 });
  }
}

export const backButton = new HeaderButton('web_app_setup_back_button');
export const settingsButton = new HeaderButton('web_app_setup_settings_button');

export const hasBackButton = (): boolean => can('web_app_setup_back_button');
export const onBack = (listener: () => void): (() => void) => backButton.onPress(listener);
export const onSettings = (listener: () => void): (() => void) => settingsButton.onPress(listener);
