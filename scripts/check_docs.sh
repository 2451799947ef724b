#!/usr/bin/env bash
# Checks the consistency of sources and documentation. Needs bash, git and awk.
#
# usage: scripts/check_docs.sh [FOLDER]      (default: this project; FOLDER is a git work tree with a folder docs/)
#
# Checks the tracked files in their work-tree state:
#
#   citations  "operators.md 3.5", also "operators.md 2, 3.1 and 5" and "model.md 1 - 4": the page is in docs/ and has
#              headings with these numbers. A citation may go on in the next line of a comment. Old names of pages are
#              errors.
#   links      relative links and images of all .md and .markdown files lead to tracked files, #anchors to headings
#   comments   of C++, CUDA, shell and CMake files are at most 120 columns wide
#
# Every defect is reported as one line, file:line: message. Exit status 1 if there is any.
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac
cd "${1:-$root}"
git rev-parse --is-inside-work-tree >/dev/null || die "${1:-$root} is no git work tree"
export LC_ALL=C

# tracked PATTERN...: tracked files that are there, one a line.
tracked() {
    git ls-files -- "$@" | while IFS= read -r file; do
        if [ -f "$file" ]; then printf '%s\n' "$file"; fi
    done
}

# Citations: first the headings of docs/*.md, then everything that may cite them.
citations() {
    tracked '*.cpp' '*.hpp' '*.h' '*.cu' '*.cuh' '*.sh' '*.py' '*.js' '*.cmake' '*.in' '*CMakeLists.txt' '*.md' \
        '*.markdown' 'training/configs/*.json' | awk '
    BEGIN {
        # Old names in two parts, so that this file does not cite them.
        now["d2det" ".md"] = "model.md"; now["opencv" ".md"] = "opencv_notes.md"; now["design" ".md"] = "architecture.md"
        while (("git ls-files -- \"docs/*.md\"" | getline page) > 0) {
            name = page; sub(/^docs\//, "", name)
            if (name ~ /\//) continue
            exists[name] = 1
            while ((getline line < page) > 0)
                if (match(line, /^##+ +[0-9]+(\.[0-9]+)*/)) {
                    number = substr(line, 1, RLENGTH); sub(/^#+ +/, "", number); heading[name, number] = 1
                }
            close(page)
        }
    }
    function fault(line, message) { printf "%s:%d: %s\n", file, line, message }
    # The comment signs in front of a line that goes on.
    function continued(text) { sub(/^[ \t]*(\/\/[!\/]?<?|\*|#|>)?[ \t]*/, "", text); return text }
    function wanted(line, name, number) {
        if (!((name, number) in heading)) fault(line, name " " number ": docs/" name " has no heading " number)
    }
    # All sections from first to last: 1 - 4 or 3.1 - 3.7.
    function range(line, name, first, last,    a, b, n, m, stem, i) {
        n = split(first, a, "."); m = split(last, b, ".")
        stem = ""
        for (i = 1; i < n; i++) stem = stem a[i] "."
        if (n != m || substr(last, 1, length(stem)) != stem || b[n] + 0 < a[n] + 0) {
            fault(line, name " " first " - " last ": is no range of sections"); return
        }
        for (i = a[n] + 0; i <= b[n] + 0 && i < a[n] + 100; i++) wanted(line, name, stem i)
    }
    # The numbers behind a name: a list with ",", "and", "or", "-", "to".
    function numbers(line, name, text,    number, last) {
        last = ""
        while (match(text, /^[0-9]+(\.[0-9]+)*/)) {
            number = substr(text, 1, RLENGTH); text = substr(text, RLENGTH + 1)
            if (last != "") range(line, name, last, number)
            last = ""
            if (match(text, /^ *(-|to) *[0-9]/)) last = number
            else { wanted(line, name, number); if (!match(text, /^(,? +(and|or)|,) +[0-9]/)) return }
            text = substr(text, RLENGTH)
        }
    }
    function check(line, text, length_,    start, at, path, name, prefix) {
        start = 0
        while (match(text, /[A-Za-z0-9_.\/-]+\.md/)) {
            at = RSTART; path = substr(text, at, RLENGTH)
            text = substr(text, at + length(path)); start += at + length(path) - 1
            if (start - length(path) >= length_) return      # in the next line: found again there
            name = path; sub(/^.*\//, "", name)
            prefix = substr(path, 1, length(path) - length(name))
            if (prefix != "" && prefix !~ /(^|\/)docs\/$/ && prefix != "./") continue
            if (name in now) { fault(line, name " is an old name: it is " now[name] " now"); continue }
            if (!match(text, /^[`)]* +[0-9]/)) continue
            if (name ~ /^[A-Z]+\.md$/) continue              # README.md and the like have no numbered sections
            if (!(name in exists)) { fault(line, name ": there is no docs/" name); continue }
            numbers(line, name, substr(text, RLENGTH))
        }
    }
    {
        file = $0; n = 0
        while ((getline line < file) > 0) lines[++n] = line
        close(file)
        for (i = 1; i <= n; i++) {
            if (lines[i] !~ /\.md/) continue
            text = lines[i]; sub(/[ \t\r]+$/, "", text); own = length(text)
            open = text ~ /\.md[`)]*( +[0-9][0-9., ]*(,|and|or|-|to)?)?$/
            if (open && i < n) text = text " " continued(lines[i + 1])
            check(i, text, own)
        }
    }'
}

# Links: anchors are generated from the headings of all pages by GitHub's rules; links are checked afterwards.
links() {
    tracked '*.md' '*.markdown' | awk '
    BEGIN {
        while (("git ls-files" | getline path) > 0) {
            there[path] = 1
            while (sub(/\/[^\/]*$/, "", path)) there[path] = 1
        }
        there["."] = 1
    }
    function slug(text,    inner) {
        gsub(/`/, "", text)
        while (match(text, /\[[^\]]*\]\([^)]*\)/)) {
            inner = substr(text, RSTART, RLENGTH)
            sub(/^\[/, "", inner); sub(/\].*/, "", inner)
            text = substr(text, 1, RSTART - 1) inner substr(text, RSTART + RLENGTH)
        }
        text = tolower(text); gsub(/[^a-z0-9 _\200-\377-]/, "", text); gsub(/ /, "-", text)
        return text
    }
    function anchor(text,    name) {
        sub(/[ \t#]+$/, "", text)
        if (match(text, /\{#[^}]*\}$/)) {
            anchors[file, substr(text, RSTART + 2, RLENGTH - 3)] = 1
            text = substr(text, 1, RSTART - 1); sub(/ +$/, "", text)
        }
        name = slug(text)
        if ((file, name) in used) name = name "-" used[file, name]++
        else used[file, name] = 1
        anchors[file, name] = 1
    }
    # The path of a target seen from the folder of a page; "" if it leaves the project.
    function resolved(folder, target,    part, kept, n, i, out, depth) {
        n = split((folder == "" ? "" : folder "/") target, part, "/"); depth = 0
        for (i = 1; i <= n; i++) {
            if (part[i] == "" || part[i] == ".") continue
            if (part[i] == "..") { if (depth == 0) return ""; depth--; continue }
            kept[++depth] = part[i]
        }
        out = "."
        for (i = 1; i <= depth; i++) out = i == 1 ? kept[i] : out "/" kept[i]
        return out
    }
    function link(target) {
        gsub(/^[ <]+|[ >]+$/, "", target); sub(/[ \t].*/, "", target)
        if (target == "" || target ~ /^[A-Za-z][A-Za-z0-9+.-]*:/ || target ~ /^(\/\/|@|\\)/) return
        pending++; fileOf[pending] = file; lineOf[pending] = number; targetOf[pending] = target
    }
    {
        file = $0; number = 0; fence = ""; before = ""
        while ((getline line < file) > 0) {
            number++; sub(/\r$/, "", line)
            if (fence != "") { if (line ~ fence) fence = ""; continue }
            if (line ~ /^ *```/) { fence = "^ *```"; continue }
            if (line ~ /^ *~~~/) { fence = "^ *~~~"; continue }
            if (line ~ /^ *@code/) { fence = "@endcode"; continue }
            if (line ~ /^#+ /) { text = line; sub(/^#+ +/, "", text); anchor(text) }
            else if (line ~ /^(===+|---+) *$/ && before ~ /[A-Za-z]/) anchor(before)
            before = line
            gsub(/`[^`]*`/, "", line)
            rest = line
            while (match(rest, /\]\([^)]*\)/)) {
                link(substr(rest, RSTART + 2, RLENGTH - 3)); rest = substr(rest, RSTART + RLENGTH)
            }
            if (match(line, /^ *\[[^\]]+\]: +[^ ]+/)) {
                text = substr(line, RSTART, RLENGTH); sub(/^ *\[[^\]]+\]: +/, "", text); link(text)
            }
            rest = line
            while (match(rest, /(src|href|id|name)="[^"]*"/)) {
                text = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
                kind = text; sub(/=.*/, "", kind); sub(/^[a-z]+="/, "", text); sub(/"$/, "", text)
                if (kind == "id" || kind == "name") anchors[file, text] = 1
                else link(text)
            }
        }
        close(file)
    }
    function fault(message) { printf "%s:%d: link to %s: %s\n", fileOf[i], lineOf[i], targetOf[i], message }
    END {
        for (i = 1; i <= pending; i++) {
            path = targetOf[i]; part = ""
            if (match(path, /#/)) { part = substr(path, RSTART + 1); path = substr(path, 1, RSTART - 1) }
            folder = fileOf[i]
            if (!sub(/\/[^\/]*$/, "", folder)) folder = ""
            goal = path == "" ? fileOf[i] : resolved(folder, path)
            if (!(goal in there))
                fault("there is no tracked file or folder " (goal == "" ? "outside the project" : goal))
            else if (part != "" && goal ~ /\.(md|markdown)$/ && !((goal, part) in anchors))
                fault(goal " has no heading with the anchor #" part)
        }
    }'
}

# Comments: a line that a comment touches has at most 120 characters (bytes 128 to 191 go on with one of UTF-8).
comments() {
    tracked '*.cpp' '*.hpp' '*.h' '*.cu' '*.cuh' '*.sh' '*.cmake' '*CMakeLists.txt' | awk '
    function width(text) { gsub(/[\200-\277]/, "", text); return length(text) }
    # Does a comment touch this line of C++? Keeps what is open at its end: a comment or a raw string.
    function commented(text,    found, token) {
        found = block
        while (text != "") {
            if (block) {
                at = index(text, "*/")
                if (!at) return found
                block = 0; text = substr(text, at + 2)
            } else if (raw != "") {
                at = index(text, raw)
                if (!at) return found
                text = substr(text, at + length(raw)); raw = ""
            } else if (match(text, /R"[A-Za-z_]*\(|"([^"\\]|\\.)*"|\047([^\047\\]|\\.)*\047|\/\/|\/\*/)) {
                token = substr(text, RSTART, RLENGTH); text = substr(text, RSTART + RLENGTH)
                if (token == "//") return 1
                if (token == "/*") { block = 1; found = 1 }
                else if (token ~ /^R"/) raw = ")" substr(token, 3, length(token) - 3) "\""
            } else return found
        }
        return found
    }
    {
        file = $0; number = 0; block = 0; raw = ""
        script = file ~ /\.(sh|cmake)$|CMakeLists\.txt$/
        while ((getline line < file) > 0) {
            number++
            isComment = script ? line ~ /(^|[ \t])#/ : commented(line)
            if (isComment && width(line) > 120)
                printf "%s:%d: comment of %d columns, 120 are allowed\n", file, number, width(line)
        }
        close(file)
    }'
}

faults=$(citations; links; comments)
if [ -n "$faults" ]; then
    printf '%s\n' "$faults"
    die "$(printf '%s\n' "$faults" | wc -l) faults in the documentation, in what cites it or in comments"
fi
