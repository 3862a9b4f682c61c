/** Light or dark: as the system has it, or as was chosen here, which this browser remembers. */

import { newStore } from "./store.ts";

export type Choice = "system" | "light" | "dark";
export const choices: readonly Choice[] = ["system", "light", "dark"];

const STORAGE_KEY = "nasturtium.appearance";
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

export const choice = newStore<Choice>(stored());
/** What is shown. */
export const appearance = newStore<"light" | "dark">(resolved());

function stored(): Choice {
  try {
    const text = localStorage.getItem(STORAGE_KEY);
    return choices.find((known) => known === text) ?? "system";
  } catch {
    return "system";
  }
}

function resolved(): "light" | "dark" {
  const chosen = choice.get();
  if (chosen !== "system") return chosen;
  return prefersDark.matches ? "dark" : "light";
}

function show(): void {
  if (choice.get() === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice.get();
  appearance.set(resolved());
}

export function choose(next: Choice): void {
  choice.set(next);
  try {
    localStorage.setItem(STORAGE_KEY, next);
  } catch {
    // Then it holds until the page is closed.
  }
  show();
}

export function followAppearance(): void {
  prefersDark.addEventListener("change", show);
  show();
}
