# Completion of prime-ssh for bash. Written by prime-ssh.
_prime_ssh() {
    local kind='' word
    COMPREPLY=()
    {
        read -r kind
        while IFS=$'\t' read -r word _; do
            [[ $word == "$2"* ]] && COMPREPLY+=("$word")
        done
    } < <(command prime-ssh completions bash -- "${COMP_WORDS[@]:0:COMP_CWORD}" "$2" 2>/dev/null)
    # Nothing of ours: bash completes paths itself. Before its version 4 it cannot be asked to.
    case $kind in
        file) compopt -o default 2>/dev/null ;;
        folder) compopt -o dirnames 2>/dev/null ;;
    esac
}
complete -F _prime_ssh prime-ssh
