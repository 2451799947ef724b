// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "base/atomic_file.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace d2det
{

namespace
{

constexpr size_t MAX_NAME_BYTES = 255;  //!< of a file name, in the usual file systems

//! Resolves a symbolic link: the target is replaced, the link stays.
std::string resolved(const std::string& path)
{
    std::error_code error;
    if (!std::filesystem::is_symlink(path, error))
        return path;
    const std::filesystem::path target = std::filesystem::canonical(path, error);
    return error ? path : target.string();
}

constexpr const char* TEMPORARY = ".tmp";  //!< then the number of the process

/** False for a process that has ended, also while its parent has not asked how (a zombie): in containers whose first
    process does not ask, that lasts. */
bool isRunning(int process)
{
    if (::kill(process, 0) != 0 && errno == ESRCH)
        return false;
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string stat;
    std::getline(file, stat);
    const size_t name = stat.rfind(") ");  // "NUMBER (NAME) STATE ...", and a name may have brackets
    return name == std::string::npos || (stat.compare(name + 2, 1, "Z") != 0 && stat.compare(name + 2, 1, "X") != 0);
}

//! Whether a name is that of a temporary file without an owner.
bool isStale(const std::string& name)
{
    const size_t at = name.rfind(TEMPORARY);
    if (at == std::string::npos)
        return false;
    const std::string process = name.substr(at + std::strlen(TEMPORARY));
    if (process.empty())
        return true;
    if (process.size() > 9 || process.find_first_not_of("0123456789") != std::string::npos)
        return false;
    const int number = std::stoi(process);
    return number > 0 && !isRunning(number);
}

//! True for streams such as /dev/stdout or a pipe, which are written in place without renaming.
bool isStream(const std::string& path)
{
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    return std::filesystem::exists(status) && std::filesystem::is_other(status);
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path)
    : path_(isStream(path) ? path : resolved(path)),
      temporary_(isStream(path) ? path : withSuffix(path_, TEMPORARY + std::to_string(::getpid()))),
      file_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644))
{
    if (file_ < 0)
        failed("cannot be created");
}

AtomicFile::~AtomicFile()
{
    if (file_ >= 0)
    {
        ::close(file_);
        if (temporary_ != path_)
            ::unlink(temporary_.c_str());
    }
}

void AtomicFile::write(const void* data, size_t bytes)
{
    const char* position = static_cast<const char*>(data);
    while (bytes > 0)
    {
        const ssize_t written = ::write(file_, position, std::min<size_t>(bytes, 1u << 30));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            failed("cannot be written");
        position += written;
        bytes -= static_cast<size_t>(written);
    }
}

void AtomicFile::commit()
{
    if (temporary_ == path_)
    {
        const int closed = ::close(file_);
        file_ = -1;
        if (closed != 0)
            failed("cannot be written");
        return;
    }
    if (::fsync(file_) != 0)
        failed("cannot be synced");
    const int closed = ::close(file_);
    file_ = -1;
    if (closed != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0)
    {
        const int reason = errno;
        ::unlink(temporary_.c_str());
        errno = reason;
        failed("cannot be renamed");
    }
    const std::filesystem::path parent = std::filesystem::path(path_).parent_path();
    const int folder = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0)
    {
        ::fsync(folder);  // syncs the rename; errors ignored: not supported by all file systems
        ::close(folder);
    }
}

void AtomicFile::failed(const char* what) const
{
    fail(path_ + " " + what + ": " + std::strerror(errno));
}

int removeStaleFiles(const std::string& folder)
{
    namespace fs = std::filesystem;
    std::vector<fs::path> stale;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (fs::is_regular_file(fs::symlink_status(entry->path(), error)) && isStale(entry->path().filename().string()))
            stale.push_back(entry->path());
    int removed = 0;
    for (const fs::path& path : stale)
        removed += fs::remove(path, error) ? 1 : 0;
    return removed;
}

void checkWritable(const std::string& path)
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        fail(path + " cannot be written: it is a folder");
    if (!isStream(path))
        AtomicFile unused(path);
}

std::string withSuffix(const std::string& path, const std::string& suffix)
{
    const std::filesystem::path whole = path;
    std::string name = whole.filename().string();
    if (name.size() + suffix.size() > MAX_NAME_BYTES && suffix.size() < MAX_NAME_BYTES)
    {
        name.resize(MAX_NAME_BYTES - suffix.size());
        while (!name.empty() && (name.back() & 0xc0) == 0x80)  // no half of a character (UTF-8)
            name.pop_back();
        if (!name.empty() && (name.back() & 0x80) != 0)
            name.pop_back();
    }
    return (whole.parent_path() / (name + suffix)).string();
}

void writeTextAtomically(const std::string& path, const std::string& text)
{
    AtomicFile output(path);
    output.write(text.data(), text.size());
    output.commit();
}

void copyFileAtomically(const std::string& from, const std::string& to)
{
    std::ifstream input(from, std::ios::binary);
    if (!input)
        fail(from + " cannot be read");
    AtomicFile output(to);
    std::vector<char> buffer(1 << 20);
    while (input.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || input.gcount() > 0)
        output.write(buffer.data(), static_cast<size_t>(input.gcount()));
    if (input.bad())
        fail(from + " cannot be read");
    output.commit();
}

}  // namespace d2det
