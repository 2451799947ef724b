// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A temporary folder, removed after the test, and the text of files. */

#ifndef D2DET_TEST_TEMP_FOLDER_HPP
#define D2DET_TEST_TEMP_FOLDER_HPP

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace d2det
{
namespace test
{

class TempFolder
{
public:
    TempFolder()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "d2det_data_XXXXXX").string();
        BOOST_REQUIRE(mkdtemp(&pattern[0]) != nullptr);
        path_ = pattern;
    }

    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    ~TempFolder()
    {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }

    std::string operator/(const std::string& name) const { return (path_ / name).string(); }
    std::string path() const { return path_.string(); }

    //! Also creates the parent folders.
    std::string write(const std::string& name, const std::string& text) const
    {
        const std::string path = *this / name;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::filesystem::remove(path);  // rewriting a file in place is slow on some file systems
        std::ofstream file(path, std::ios::binary);
        file << text;
        BOOST_REQUIRE(file.good());
        return path;
    }

private:
    std::filesystem::path path_;
};

inline std::string textOf(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

inline std::vector<std::string> linesOf(const std::string& path)
{
    std::vector<std::string> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        lines.push_back(line);
    return lines;
}

}  // namespace test
}  // namespace d2det

#endif
