/** The app: what the searches of the edge that served it do, what they found and what they cost. */

import { render } from "preact";
import { followToken } from "./api.ts";
import { followAppearance } from "./appearance.ts";
import { followAddress } from "./place.ts";
import { startSession } from "./session.ts";
import { Shell } from "./shell.tsx";

const container = document.querySelector("#page");
if (container === null) throw new Error("The page has no place for its content.");

followAppearance();
// Takes the token out of the address before that is read as a place.
startSession();
followAddress();
followToken();
render(<Shell />, container);
