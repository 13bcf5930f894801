# Completion of runner and of python -m runner in zsh: eval "$(python -m runner completion zsh)", behind compinit
_runner_complete() {
    local -a call=("${words[1]}") plain plain_told open open_told
    if [[ ${words[1]:t} == python* ]]; then
        if [[ ${words[2]} != -m || ${words[3]} != runner || $CURRENT -lt 4 ]]; then
            (( $+functions[_python] )) && _python || _files
            return
        fi
        call=("${words[1]}" -m runner)
    fi
    local word told
    while IFS=$'\t' read -r word told; do
        if [[ $word == *:files ]]; then
            _files
            return
        elif [[ $word == *[=.] ]]; then
            open+=("$word")
            open_told+=("$word${told:+  $told}")
        else
            plain+=("$word")
            plain_told+=("$word${told:+  $told}")
        fi
    done < <("${call[@]}" completion --line "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)
    (( $#plain )) && compadd -l -d plain_told -a plain
    (( $#open )) && compadd -l -S '' -d open_told -a open
    return 0
}
compdef _runner_complete runner python python3
