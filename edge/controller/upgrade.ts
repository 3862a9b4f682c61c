/** The controller's state as this version or an older one stored it. */

import { type ControllerState, stateVersion } from "./state.ts";

interface StoredState {
  version: number;
}

/** By version, what makes a state of it one of the next. */
const upgrades: Readonly<Record<number, (state: StoredState) => object>> = {
  2: (state) => ({ stageTrainings: [], ...state }),
};

/** A search went on under a newer version: this one cannot tell what its state means. */
export class NewerState extends Error {
  constructor(version: number) {
    super(
      `The search went on under a newer version: its state has version ${version}, this deployment reads up to ${stateVersion}. Deploy the newer version again.`,
    );
  }
}

/** @throws NewerState; RangeError for a version that no release wrote */
export const parseState = (text: string): ControllerState => upgraded(JSON.parse(text) as StoredState);

/** @throws as `parseState` does; only the version is looked at */
export function upgraded(stored: { version: number }): ControllerState {
  let state = stored;
  while (state.version < stateVersion) {
    const upgrade = upgrades[state.version];
    if (upgrade === undefined) throw new RangeError(`no state has version ${state.version}`);
    state = { ...upgrade(state), version: state.version + 1 };
  }
  if (state.version > stateVersion) throw new NewerState(state.version);
  return state as ControllerState;
}
