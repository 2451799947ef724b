// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "base/installed.hpp"

#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

namespace fs = std::filesystem;

namespace d2det
{

namespace
{

const char* folderOf(Installed kind)
{
    return kind == Installed::CONFIG ? "configs" : "models";
}

const char* extensionOf(Installed kind)
{
    return kind == Installed::MODEL ? ".onnx" : kind == Installed::WEIGHTS ? ".safetensors" : ".json";
}

//! Folders with models/ and configs/, in the order of the search.
std::vector<fs::path> roots()
{
    std::vector<fs::path> result;
    if (const char* variable = std::getenv("D2DET_PATH"))
    {
        std::istringstream parts(variable);
        for (std::string part; std::getline(parts, part, ':');)
            if (!part.empty())
                result.emplace_back(part);
    }
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (!error)
        result.push_back(program.parent_path().parent_path() / "share" / "d2det");
    return result;
}

}  // namespace

std::string findInstalled(const std::string& name, Installed kind)
{
    std::error_code error;
    if (name.empty() || name.find('/') != std::string::npos || fs::exists(name, error))
        return name;
    const std::string extension = extensionOf(kind);
    for (const fs::path& root : roots())
        for (const std::string& file : {name + extension, name})
        {
            const fs::path candidate = root / folderOf(kind) / file;
            if (candidate.extension() == extension && fs::is_regular_file(candidate, error))
                return candidate.string();
        }
    return name;
}

std::vector<std::string> installedNames(Installed kind)
{
    std::set<std::string> names;
    for (const fs::path& root : roots())
    {
        std::error_code error;
        for (fs::directory_iterator entry(root / folderOf(kind), error), end; !error && entry != end;
             entry.increment(error))
            if (entry->path().extension() == extensionOf(kind))
                names.insert(entry->path().stem().string());
    }
    return {names.begin(), names.end()};
}

}  // namespace d2det
