import { mount } from "svelte";
import App from "./app/App.svelte";

const target = document.getElementById("app") as HTMLElement;
target.replaceChildren();
const app = mount(App, { target });

/** For tests and consoles: what the screen shows, as numbers, and whether more of it is to come. */
(globalThis as { isolossLab?: unknown }).isolossLab = {
  inspect: () => app.inspect(),
  isSettled: () => app.isSettled(),
};
