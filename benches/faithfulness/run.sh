#!/bin/sh
# Measures how faithful the methods are and makes docs/faithfulness.md and its plots again.
#
#     benches/faithfulness/run.sh FOVEA FOLDER MULTILINGUAL DECODER
#
# FOVEA is the program, FOLDER gets the texts (corpus.sh), what is known of units, and one JSON and HTML file for each model. MULTILINGUAL is a
# folder with multilingual-e5-small (`fovea model pull multilingual`), DECODER gemma-3-270m-q4_k_m.gguf. A run that was stopped goes on. It
# takes about an hour on two cores that have nothing else to do; UNITS="300 5 60 0 12" says on how many units: of the embedded model
# all and those with everything, of the multilingual one likewise, and of the decoder.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
program=$1 folder=$2 multilingual=$3 decoder=$4
# shellcheck disable=SC2086
set -- ${UNITS:-300 5 60 0 12}

"$here/benches/faithfulness/corpus.sh" "$folder"
export FOVEA_CACHE_DIR="$folder/cache"

# measure NAME OPTIONS: what is known of units is kept, so that the page is written from the same numbers.
measure() {
    name=$1
    shift
    "$program" evaluate --format json "$@" "$folder/texts" >"$folder/$name.json"
    "$program" evaluate --format html "$@" "$folder/texts" >"$folder/$name.html"
}

measure minilm --units "$1" --slow-units "$2" --ceiling --sensitivity
measure e5 --units "$3" --slow-units "$4" --model "$multilingual"
measure decoder --units "$5" --slow-units 0 --target log-probability --model "$decoder"
python3 "$here/benches/faithfulness/page.py" "MINILM=$folder/minilm.json" "E5=$folder/e5.json" "DECODER=$folder/decoder.json"
