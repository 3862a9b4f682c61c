/** What is used of jstat, which comes without types. */
declare module "jstat" {
  const jstat: {
    studentt: { cdf: (x: number, degreesOfFreedom: number) => number };
    binomial: { cdf: (successes: number, trials: number, chance: number) => number };
  };
  export default jstat;
}
