# Completion of runner and of python -m runner in bash: eval "$(python -m runner completion bash)"
_runner_complete() {
    local -a call=("$1")
    COMPREPLY=()
    if [[ ${1##*/} == python* ]]; then
        if [[ ${COMP_WORDS[1]} != -m || ${COMP_WORDS[2]} != runner || $COMP_CWORD -lt 3 ]]; then
            [[ -n $_runner_python_before ]] && "$_runner_python_before" "$@"
            return
        fi
        call=("$1" -m runner)
    fi
    local line=${COMP_LINE:0:$COMP_POINT}
    # Bash replaces only what stands behind the last word break: the rest of the word is cut off the candidates.
    local word=${line##*[[:space:]]} done= candidate
    [[ $COMP_WORDBREAKS == *=* && $word == *=* ]] && done=${word%"${word##*[=:]}"}
    while IFS=$'\t' read -r candidate _; do
        if [[ $candidate == *:files ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "${word#"$done"}")
        else
            COMPREPLY+=("${candidate#"$done"}")
        fi
    done < <("${call[@]}" completion --line "$line" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=.] ]] && compopt -o nospace 2>/dev/null
    return 0
}
# What completed python before still does for everything else.
if [[ -z ${_runner_python_before+set} ]]; then
    _runner_python_before=$(complete -p python 2>/dev/null | sed -n 's/.*-F \([^ ]*\) .*/\1/p')
fi
complete -o default -F _runner_complete runner python python3
