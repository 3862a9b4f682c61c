/** What goes wrong on the command line: every failure is one line that says what, why and what to do. */

/** Exit codes, as `nasturtium --help` lists them. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  badInput: 2,
  unreachable: 3,
  unauthorised: 4,
  protocolMismatch: 5,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A failure with the thing to do about it. */
export class CliError extends Error {
  readonly fix: string;
  readonly exitCode: ExitCode;

  /**
   * @param message what is wrong and why
   * @param fix what to do next
   */
  constructor(message: string, fix: string, exitCode: ExitCode = exitCodes.failed) {
    super(message);
    this.name = "CliError";
    this.fix = fix;
    this.exitCode = exitCode;
  }
}

/** The edge has nothing of this address. */
export class NotFoundError extends CliError {}

/** The user's input is wrong: exit code 2. */
export const badInput = (message: string, fix: string): CliError =>
  new CliError(message, fix, exitCodes.badInput);

/** The message of anything thrown. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Anything thrown as the line that stderr gets and the exit code. */
export function describeError(error: unknown): { line: string; exitCode: ExitCode; fix?: string } {
  if (error instanceof CliError) {
    return { line: `${error.message} ${error.fix}`, exitCode: error.exitCode, fix: error.fix };
  }
  // Errors of other parts (SetupError, DataError) carry their own `fix` or have it in the message.
  const fix = error instanceof Error && "fix" in error ? String(error.fix) : undefined;
  const message = reasonOf(error).replaceAll(/\s*\n\s*/g, " ");
  return {
    line: fix === undefined ? message : `${message} ${fix}`,
    exitCode: exitCodes.failed,
    ...(fix === undefined ? {} : { fix }),
  };
}
