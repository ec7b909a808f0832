import { mount } from "svelte";
import App from "./app/App.svelte";

const app = mount(App, { target: document.getElementById("app") as HTMLElement });

/** For tests and consoles: what the screen shows, as numbers. */
(globalThis as { isolossLab?: unknown }).isolossLab = { inspect: () => app.inspect() };
