# Completion of runner and of python -m runner in fish: python -m runner completion fish | source
function __runner_complete
    set -l words (commandline -opc)
    set -l call $words[1]
    if string match -qr 'python[0-9.]*$' -- $words[1]
        set call $words[1] -m runner
    end
    for found in ($call completion --line (commandline -cp | string collect) 2>/dev/null)
        if string match -q '*:files' -- $found
            __fish_complete_path (commandline -ct)
        else
            echo $found
        end
    end
end
function __runner_is_module
    set -l words (commandline -opc)
    test (count $words) -ge 3; and test "$words[2]" = -m; and test "$words[3]" = runner
end
complete -c runner -f -a '(__runner_complete)'
complete -c python -n __runner_is_module -f -a '(__runner_complete)'
complete -c python3 -n __runner_is_module -f -a '(__runner_complete)'
