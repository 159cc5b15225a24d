# Completion of prime-ssh for fish. Written by prime-ssh.
function __prime_ssh_complete
    set -l before (commandline --current-process --tokenize --cut-at-cursor)
    set -l typed (commandline --current-token --cut-at-cursor)
    set -l answer (command prime-ssh completions fish -- $before "$typed" 2>/dev/null)
    set -l option (string match --regex -- '^--[^=]*=' "$typed"; or echo)
    set -l path (string replace --regex -- '^--[^=]*=' '' "$typed")
    switch "$answer[1]"
        case file
            string join -- \n $option(__fish_complete_path "$path")
        case folder
            string join -- \n $option(__fish_complete_directories "$path" '')
        case words
            string join -- \n $answer[2..-1]
    end
end
complete --command prime-ssh --no-files --keep-order --arguments '(__prime_ssh_complete)'
