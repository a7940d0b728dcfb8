/** Everything (`npm run test:hostile`), or the slice of it that every test run has time for. */
export const ALL = process.env.HOSTILE === 'all';
