/** What is used of jstat, which comes without types. */
declare module "jstat" {
  const jstat: { studentt: { cdf: (x: number, degreesOfFreedom: number) => number } };
  export default jstat;
}
