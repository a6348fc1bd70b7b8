# bash completion for dotm; dotm itself says what may come next. Without the
# package: source <(dotm completion bash)
_dotm() {
    local cur=${COMP_WORDS[COMP_CWORD]} line
    COMPREPLY=()
    [[ $cur == = ]] && cur=
    while IFS= read -r line; do
        case $line in
        :files)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        :dirs)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$cur")
            ;;
        *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <("${COMP_WORDS[0]/#\~/$HOME}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _dotm dotm
