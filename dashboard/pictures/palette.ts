/** Colours of the pictures, those of the page (theme.css) and a row of its own for what is told apart by colour. Pure. */

export interface Palette {
  ground: string;
  card: string;
  line: string;
  text: string;
  soft: string;
  accent: string;
  good: string;
  warn: string;
  bad: string;
  /** Told apart by all common kinds of colour blindness, in this order (after Okabe and Ito 2008). */
  series: readonly string[];
  /** From little to much. */
  ramp: readonly string[];
}

export const palettes: Readonly<Record<"light" | "dark", Palette>> = {
  light: {
    ground: "#f6f4ec",
    card: "#fffefa",
    line: "#ddd8c8",
    text: "#1f2a1e",
    soft: "#5a6455",
    accent: "#b83a06",
    good: "#2b7a3d",
    warn: "#8a5c00",
    bad: "#b3261e",
    series: ["#b83a06", "#00618f", "#1b7a5a", "#a3478a", "#8a6400", "#2f7fb8", "#5a6455", "#c2570c"],
    ramp: ["#fffefa", "#fde3c8", "#f7b37d", "#e57a35", "#b83a06", "#6b1f00"],
  },
  dark: {
    ground: "#11150f",
    card: "#1a2017",
    line: "#343d2f",
    text: "#e9ede3",
    soft: "#a6b09d",
    accent: "#ff9150",
    good: "#6fcf85",
    warn: "#f2b84b",
    bad: "#ff8a80",
    series: ["#ff9150", "#6fc3f2", "#5ed3a4", "#e39fd0", "#e8c34a", "#9db7ff", "#a6b09d", "#ffb58a"],
    ramp: ["#1a2017", "#3d2a1a", "#733d18", "#b3581f", "#ff9150", "#ffd9c0"],
  },
};
