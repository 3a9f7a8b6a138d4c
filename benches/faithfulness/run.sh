#!/bin/sh
# Measures the faithfulness of the methods, and writes docs/faithfulness.md and its plots again.
#
#     benches/faithfulness/run.sh FOVEA FOLDER MULTILINGUAL DECODER
#
# FOVEA is the program. FOLDER gets the texts (corpus.sh), the known results of units, and a JSON and an HTML file for each model.
# MULTILINGUAL is a folder with multilingual-e5-small (`fovea model pull multilingual`), DECODER is gemma-3-270m-q4_k_m.gguf. A stopped run
# can be continued. It takes about two hours on two idle cores. UNITS="300 25 60 0 12" sets the numbers of units: for the embedded model all
# units and those with every measurement, the same for the multilingual model, and the number for the decoder.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
program=$1 folder=$2 multilingual=$3 decoder=$4
# shellcheck disable=SC2086
set -- ${UNITS:-300 25 60 0 12}

"$here/benches/faithfulness/corpus.sh" "$folder"
export FOVEA_CACHE_DIR="$folder/cache"

# measure NAME OPTIONS: known results of units are reused, so that both files have the same numbers.
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
