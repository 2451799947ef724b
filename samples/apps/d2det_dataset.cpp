// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_dataset: statistics, defects, format conversion and annotated images of training data sets. */

#include "cli/table.hpp"
#include "d2det_dataset/commands.hpp"

#include <iostream>

namespace po = cli::po;
using dataset_program::Command;
using dataset_program::PROGRAM;

namespace
{

const Command* const COMMANDS[] = {&dataset_program::STATS,  &dataset_program::LINT,  &dataset_program::CONVERT,
                                   &dataset_program::SHOW,   &dataset_program::SPLIT, &dataset_program::TILE,
                                   &dataset_program::ANCHORS};

void printHelp(std::ostream& out)
{
    out << "Looks at a data set for training.\n\n  d2det_dataset COMMAND DATASET [options]\n\n";
    for (const Command* command : COMMANDS)
        out << "  " << cli::padRight(command->name, 8) << "  " << command->summary << "\n";
    out << "\nDATASET is a COCO .json file, or the folder of a COCO, Pascal VOC, YOLO, labelme or CVAT data set.\n"
           "d2det_dataset COMMAND --help lists the options.\n\n"
           "Examples:\n"
           "  d2det_dataset stats VOCdevkit/VOC2007 --subset trainval --output out/stats\n"
           "  d2det_dataset lint my/instances_train.json --images my/train --against my/instances_val.json\n"
           "  d2det_dataset convert my/data.yaml --subset train --to coco --output out/coco\n"
           "  d2det_dataset split my/voc --val 0.2 --output out/split\n"
           "  d2det_dataset anchors --config my.json\n"
           "  d2det_dataset tile aerial/instances_train.json --size 640 --output out/tiles\n"
           "  d2det_dataset show my/voc --augmented --config my.json --output out/sheet.jpg\n"
           "\nExit code: 0 done, 1 it did not work or lint found errors, 2 for a wrong command line.\n";
}

int runCommand(const Command& command, const std::vector<std::string>& words)
{
    cli::CommandLine line{PROGRAM, std::string("d2det_dataset ") + command.name + " DATASET: " + command.summary + "\n",
                          command.options()};
    line.options.add(dataset_program::commonOptions());
    line.hidden.add_options()("dataset", po::value<std::string>());
    line.inputs.add("dataset", 1);
    line.helpWithoutWords = false;
    po::variables_map args;
    if (const std::optional<int> code = cli::readCommandLine(line, words, args))
        return *code;
    if (command.needsDataset && !args.count("dataset"))
        throw cli::UsageError("the data set is missing");
    return command.run(args);
}

int run(const std::vector<std::string>& words)
{
    if (words.empty() || words[0] == "--help" || words[0] == "-h")
    {
        printHelp(words.empty() ? std::cerr : std::cout);
        return words.empty() ? 2 : 0;
    }
    if (words[0] == "--version")
    {
        std::cout << cli::versionLine(PROGRAM) << "\n";
        return 0;
    }
    for (const Command* command : COMMANDS)
        if (words[0] == command->name)
            return runCommand(*command, {words.begin() + 1, words.end()});
    throw cli::UsageError("'" + words[0] +
                          "' is no command; known are stats, lint, convert, show, split, tile and anchors");
}

}  // namespace

int main(int argc, char** argv)
{
    return cli::runProgram(PROGRAM, [&] { return run(cli::wordsOf(argc, argv)); });
}
