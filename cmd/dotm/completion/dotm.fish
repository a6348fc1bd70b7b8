# fish completion for dotm; dotm itself says what may come next. Without the
# package: dotm completion fish | source
function __dotm_complete
    set -l current (commandline -ct)
    test (count $current) -eq 0; and set current ''
    set -l before (commandline -opc)
    set -l stem ''
    set -l value $current
    if string match -q -- '--*=*' $current
        set stem (string replace -r -- '=.*' '=' $current)
        set value (string replace -r -- '^[^=]*=' '' $current)
    end
    for line in ($before[1] complete -- $before[2..] $current 2>/dev/null)
        switch $line
            case ':files'
                printf '%s\n' $stem(__fish_complete_path $value)
            case ':dirs'
                printf '%s\n' $stem(__fish_complete_directories $value)
            case '*'
                printf '%s\n' $stem$line
        end
    end
end
complete -c dotm -f -a '(__dotm_complete)'
