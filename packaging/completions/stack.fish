# fish completion for stack; the program itself computes the completions.
function __stack_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    $words[1] __complete $words[2..-1] "$current" 2>/dev/null
end
complete -c stack -f -a '(__stack_complete)'
complete -c stack -n 'test -z "$(__stack_complete)"' -F
