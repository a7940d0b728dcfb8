/**
 * Arguments as Go's pflag reads them where commander does not, so that scripts written for the first checkpointctl go on
 * working: `-t=DIR` is `-t DIR`, and a flag without value may be given as `--show-pod-uid=true` or `=false`.
 */
export function readOldFlags(argv: readonly string[]): string[] {
  return argv.flatMap((argument) => {
    const short = /^(-[a-z])=(.*)$/s.exec(argument);
    if (short) return [short[1] ?? '', short[2] ?? ''];
    const boolean = /^(--show-pod-(?:uid|ip))=(?:(1|t|true)|0|f|false)$/i.exec(argument);
    if (boolean) return boolean[2] === undefined ? [] : [boolean[1] ?? ''];
    return [argument];
  });
}
