/** A preload: the process's clock is off by `SHIFT_MS`. */
const shiftMs = Number(process.env.SHIFT_MS);
const now = Date.now.bind(Date);

Date.now = () => now() + shiftMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, args) => Reflect.construct(target, args.length === 0 ? [Date.now()] : args),
});
