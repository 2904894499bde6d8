import { conflict } from "./conflict";
import { badCluster, badProgram } from "./days";
import { develop, keyboard } from "./develop";
import { here } from "./here";
import { colleague } from "./team";
import { traffic } from "./traffic";
import type { Around } from "./around";

/** The walks by the names that scenarios know them by. */
export const walks: Readonly<Record<string, (around: Around) => Promise<void>>> = {
  colleague,
  badProgram,
  badCluster,
  conflict,
  develop,
  here,
  keyboard,
  traffic,
};
