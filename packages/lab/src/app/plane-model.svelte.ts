import { themeOf } from "isoloss-figures/base";
import type { Size } from "../charts/canvas.js";
import { levelColors } from "../charts/levels.js";
import { CallError, WorkerEnded } from "../worker/client.js";
import type { Player } from "./player.svelte.js";
import { ScreenModel } from "./screen-model.svelte.js";

/** What screens with a plane have: runs that are played, and levels behind them, which the worker paints. */
export abstract class PlaneModel<S extends object, G> extends ScreenModel<S> {
  abstract readonly player: Player;
  picture: ImageBitmap | undefined;
  /** Why there is no picture, as long as there is none: runs may go on without it. */
  unpainted = $state("");
  protected theme: "light" | "dark" = "light";
  #size: Size | undefined;
  /** Whether the worker ended before it had painted the levels. */
  #isLost = false;

  /** The settings of the levels. */
  protected abstract get plane(): object;

  /** The levels behind the plane, for its size and theme. Whether they are painted anew. */
  show(size: Size | undefined, theme: "light" | "dark"): boolean {
    const { width, height } = this.#size ?? {};
    const isSame = size === undefined || (size.width === width && size.height === height);
    if (isSame && theme === this.theme && !this.#isLost) return false;
    this.#size = size ?? this.#size;
    this.theme = theme;
    this.paint();
    return true;
  }

  protected paint(): void {
    if (this.#size === undefined) return;
    this.#isLost = false;
    const asked = { state: this.plane, ...levelColors(themeOf(this.theme)), ...this.#size };
    const put = (bitmap?: ImageBitmap, why = "") => {
      this.picture?.close();
      this.picture = bitmap;
      this.unpainted = why;
      this.version++;
    };
    this.client.ask<{ readonly bitmap: ImageBitmap }>("levels", asked).then(
      ({ bitmap }) => put(bitmap),
      (error: Error) => {
        this.#isLost = error instanceof WorkerEnded;
        // The levels before are those of another function.
        if (this.#isLost) put();
        else if (error instanceof CallError) put(undefined, error.message);
        else this.failed(error);
      },
    );
  }

  /** The levels on a grid, for figures. */
  grid(): Promise<G> {
    return this.client.ask("grid", this.plane);
  }

  override leave(): void {
    this.player.dispose();
    super.leave();
  }
}
