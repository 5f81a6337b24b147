# bash completion for stack; the program itself computes the completions.
_stack() {
  local IFS=$'\n' line
  COMPREPLY=()
  for line in $("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); do
    COMPREPLY+=("${line%%$'\t'*}")
  done
  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
    compopt -o default
  fi
}
complete -F _stack stack
