// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The main function of a target without a fuzzing engine: runs it once on each file of the arguments, folders with all
   their files. */

#include "common.hpp"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <vector>

namespace fs = std::filesystem;

int main(int argc, char** argv)
{
    std::vector<fs::path> files;
    for (int i = 1; i < argc; i++)
        if (fs::is_directory(argv[i]))
            for (const fs::directory_entry& entry : fs::directory_iterator(argv[i]))
                files.push_back(entry.path());
        else
            files.push_back(argv[i]);
    std::sort(files.begin(), files.end());
    for (const fs::path& path : files)
    {
        std::ifstream file(path, std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
        if (!file)
        {
            std::cerr << path << " cannot be read\n";
            return 1;
        }
        std::cout << path.string() << std::endl;  // before it runs: a fault ends the program
        LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    }
    std::cout << files.size() << " inputs\n";
    return files.empty() ? 1 : 0;
}
