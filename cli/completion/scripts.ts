/**
 * What a shell runs at the tab key: it asks `podfreight complete`, which answers with a candidate a line, a tab and what it
 * is; or with `:files` or `:directories`.
 */
export const SCRIPTS = {
  bash: `# bash completion for podfreight: eval "$(podfreight completion bash)"
_podfreight() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default ;;
      :directories) compopt -o dirnames ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(command podfreight complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _podfreight podfreight
`,
  zsh: `#compdef podfreight
# zsh completion for podfreight: as _podfreight in a folder of $fpath, or after compinit: eval "$(podfreight completion zsh)"
_podfreight() {
  local line
  local -a lines values
  lines=("\${(@f)$(command podfreight complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    case $line in
      :files) compset -P '--*='; _files; return ;;
      :directories) compset -P '--*='; _files -/; return ;;
      *) values+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  (( $#values )) && _describe -t podfreight podfreight values
}
if [[ \${funcstack[1]} == _podfreight ]]; then _podfreight "$@"; else compdef _podfreight podfreight; fi
`,
  fish: `# fish completion for podfreight: podfreight completion fish > ~/.config/fish/completions/podfreight.fish
function __podfreight_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    test -n "$current"; or set current ''
    for line in (command podfreight complete -- $words[2..] $current 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path $current
            case ':directories'
                __fish_complete_directories $current
            case '*'
                echo $line
        end
    end
end
complete -c podfreight -f -a '(__podfreight_complete)'
`,
} as const;

export type Shell = keyof typeof SCRIPTS;
