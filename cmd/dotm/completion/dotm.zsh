#compdef dotm
# zsh completion for dotm; dotm itself says what may come next. Without the
# package: source <(dotm completion zsh)
_dotm() {
    local line
    local -a found
    for line in "${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
        '') ;;
        :files) compset -P '--*='; _files ;;
        :dirs) compset -P '--*='; _files -/ ;;
        *) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
        esac
    done
    if (( $#found )); then
        compset -P '--*='
        _describe dotm found
    fi
}
if [[ ${funcstack[1]-} == _dotm ]]; then
    _dotm "$@"
else
    compdef _dotm dotm
fi
