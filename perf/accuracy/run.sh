#!/usr/bin/env bash
# Trains the detectors that D2Det is compared with, and D2Det part by part, by one recipe on the same data, and writes a
# table of their accuracy to perf/results/accuracy-DATA.md: mean and standard deviation over the seeds.
#
# usage: perf/accuracy/run.sh vhr10|voc_animals [ROW...]      (default: all rows)
#
# A run takes 20 to 40 minutes on two cores and lies in build/accuracy/DATA/ROW/seed_N. Its result is
# perf/results/accuracy-DATA/ROW-N.csv (output of d2det_evaluate --csv): what is there is not done again, on no machine.
# What was interrupted goes on, so the script may be stopped (Ctrl-C, kill) and started again at any time.
#
# Environment: D2DET_SEEDS (default "1 2 3"; all rows are done with one seed before the next), D2DET_THREADS (default
# 2), D2DET_BIN (default build/test/bin), D2DET_DATA (default ../shared/data), D2DET_STOP_AFTER (seconds; then no
# further run is started and the one in progress is stopped with its checkpoint), D2DET_TABLE=only (no training).
set -euo pipefail
. "$(dirname "$0")/../../scripts/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac

data=${1:?name the data: vhr10 or voc_animals}
shift
here=$root/perf/accuracy
configs=$root/training/configs
[ -f "$here/$data.json" ] || die "there is no recipe $here/$data.json"
bin=${D2DET_BIN:-$build/test/bin}
shared=${D2DET_DATA:-$root/../shared/data}
export D2DET_DATA=$shared
work=$build/accuracy/$data
results=$root/perf/results/accuracy-$data

# row NAME: the settings that make a row out of D2Det, one a line, and its title.
no_pooling='roi.class_head.deformable=false roi.class_head.adaptive_weighting=false'
faster="roi.type=faster_rcnn $no_pooling roi.class_head.loss_weight=1 test.nms_mode=hard"
fcn='roi.mask_head.type=fcn roi.mask_head.channels=64 roi.mask_head.norm_groups=0 roi.mask_head.convs=4
     roi.mask_head.sampling_ratio=1 roi.mask_head.scoring=false'
d2det_masks='roi.mask_head.type=d2det'
r18='backbone.type=resnet18 backbone.activation=relu backbone.new_stages=[5] backbone.new_stage_norm=group_norm'
mobilenet=mobilenet_v2_folded resnet=resnet18_stem_layer1-3_folded
title='' settings='' start=''
row() {
    start=$mobilenet
    case $1 in
        faster_rcnn)      title='Faster R-CNN'; settings=$faster;;
        dense)            title='+ dense local regression'; settings="$no_pooling roi.box_head.binary_overlap=false";;
        dense_overlap)    title='+ dense local regression with binary overlap'; settings=$no_pooling;;
        pooling)          title='+ deformable pooling'
                          settings="$faster roi.class_head.deformable=true";;
        pooling_weighted) title='+ discriminative pooling (deformable and weighted)'
                          settings="$faster roi.class_head.deformable=true roi.class_head.adaptive_weighting=true";;
        d2det)            title='D2Det, all parts'; settings='';;
        d2det_shallow)    title='D2Det with a box head of 3 convolutions, jitter 0.15'
                          settings='roi.box_head.convs=3 roi.box_head.jitter=0.15';;
        cascade_rcnn)     title='Cascade R-CNN'
                          settings="$faster roi.type=cascade_rcnn roi.delta_head.class_agnostic=true";;
        mask_rcnn)        title='Mask R-CNN'; settings="$faster $fcn";;
        panet)            title='PANet'
                          settings="$faster $fcn fpn.type=pafpn roi.class_head.all_levels=true roi.mask_head.all_levels=true";;
        d2det_masks)      title='D2Det with masks'; settings=$d2det_masks;;
        d2det_r18)        title='D2Det, ResNet-18'; settings=$r18; start=$resnet;;
        d2det_r18_dcn)    title='D2Det, ResNet-18 with deformable convolutions in C4'
                          settings="$r18 backbone.deformable_stages=[4]" start=$resnet;;
        *) die "unknown row '$1'";;
    esac
}
all='faster_rcnn d2det mask_rcnn d2det_masks dense_overlap pooling_weighted panet cascade_rcnn dense pooling d2det_shallow d2det_r18
     d2det_r18_dcn'
rows=("$@")
# shellcheck disable=SC2206
[ ${#rows[@]} -gt 0 ] || rows=($all)
for name in "${rows[@]}"; do row "$name"; done  # a wrong name is found before the first run

deadline=$((SECONDS + ${D2DET_STOP_AFTER:-100000000}))

# train ROW SEED: returns 1 when the time is over.
train() {
    local folder=$work/$1/seed_$2 result=$results/$1-$2.csv options=() setting
    row "$1"
    [ -f "$result" ] && return
    mkdir -p "$folder" "$results"
    if [ -f "$folder/run/last.safetensors" ]; then
        options=(--resume)
    else
        rm -rf "$folder/run"
        options=(--config "$here/$data.json" --init "$shared/weights/$start.safetensors" --set "solver.seed=$2")
        for setting in $settings; do options+=(--set "model.$setting"); done
    fi
    say "$data: $title, seed $2"
    local left=$((deadline - SECONDS))
    [ $left -gt 0 ] || return 1
    timeout --signal=INT --kill-after=300 "$left" "$bin/d2det_train" --output "$folder/run" --threads "${D2DET_THREADS:-2}" \
        --eval-every 0 "${options[@]}" >>"$folder/train.log" 2>&1 || {
        [ $SECONDS -lt $deadline ] || return 1
        tail -n 3 "$folder/train.log" >&2
        die "the training failed, see $folder/train.log"
    }
    grep -q '^finished' <(tail -n 3 "$folder/train.log") || return 1
    "$bin/d2det_export" --checkpoint "$folder/run/last.safetensors" --output "$folder/model.onnx" >>"$folder/train.log" 2>&1
    "$bin/d2det_evaluate" --model "$folder/model.onnx" --annotations "$shared/$data/instances_val.json" \
        --images "$shared/$data/images" --csv "$folder/result.csv" --quiet >"$folder/evaluate.log"
    mv "$folder/result.csv" "$result"
    rm -f "$folder"/run/checkpoint_* "$folder"/run/best.safetensors
    table
}

# table: what is finished so far.
table() {
    local out=$root/perf/results/accuracy-$data.md name file
    {
        echo "# Accuracy on $data"
        echo
        echo "\`perf/accuracy/run.sh $data\`, $(date -u +%Y-%m-%d): one recipe ([$data.json](../accuracy/$data.json)) for all rows,"
        echo "MobileNetV2 from ImageNet weights where no other backbone is named, evaluated once by \`d2det_evaluate\` on the"
        echo "images of instances_val.json. Mean and, behind it, standard deviation over the seeds, in percent."
        for kind in boxes masks; do
            printf '\n## %s\n\n| detector | seeds | AP | AP50 | AP75 | AP90 | small | medium | large |\n' "${kind^}"
            echo '|---|---|---|---|---|---|---|---|---|'
            for name in faster_rcnn dense dense_overlap pooling pooling_weighted d2det_shallow d2det cascade_rcnn d2det_r18 d2det_r18_dcn mask_rcnn \
                panet d2det_masks; do
                row "$name"
                compgen -G "$results/$name-[0-9]*.csv" >/dev/null || continue
                awk -F, -v kind="$kind" -v title="$title" '
                    FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
                    $2 == kind && $3 == "(all)" {
                        n++
                        split("ap ap50 ap75 ap90 ap_small ap_medium ap_large", names, " ")
                        for (i = 1; i <= 7; i++) {
                            v = $column[names[i]]
                            if (v != "") { count[i]++; sum[i] += 100 * v; squares[i] += 1e4 * v * v }
                        }
                    }
                    END {
                        if (!n) exit
                        printf "| %s | %d |", title, n
                        for (i = 1; i <= 7; i++) {
                            if (!count[i]) { printf " |"; continue }
                            mean = sum[i] / count[i]
                            variance = count[i] > 1 ? (squares[i] - count[i] * mean * mean) / (count[i] - 1) : 0
                            if (count[i] > 1) printf " %.1f ± %.1f |", mean, sqrt(variance > 0 ? variance : 0)
                            else printf " %.1f |", mean
                        }
                        print ""
                    }' "$results/$name"-[0-9]*.csv
            done
        done
    } >"$out"
}

if [ "${D2DET_TABLE:-}" = only ]; then table; exit; fi
for seed in ${D2DET_SEEDS:-1 2 3}; do
    for name in "${rows[@]}"; do
        train "$name" "$seed" || { say "Stopped; the same command goes on"; exit 0; }
    done
done
say "Done: perf/results/accuracy-$data.md"
