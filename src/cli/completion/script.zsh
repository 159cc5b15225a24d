#compdef prime-ssh
# Completion of prime-ssh for zsh. Written by prime-ssh.
_prime-ssh() {
    local -a answer described
    local line
    answer=("${(@f)$(command prime-ssh completions zsh -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    case $answer[1] in
        file)
            compset -P '--*='
            _files
            ;;
        folder)
            compset -P '--*='
            _files -/
            ;;
        words)
            for line in "${(@)answer[2,-1]}"; do
                described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
            done
            _describe -V 'prime-ssh' described
            ;;
    esac
}
if [[ $funcstack[1] == _prime-ssh ]]; then
    _prime-ssh "$@"
else
    compdef _prime-ssh prime-ssh
fi
