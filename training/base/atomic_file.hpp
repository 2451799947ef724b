// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Atomic replacement of files: the data goes to a temporary file in the same folder, which is synced and renamed. A
   reader sees either the old file or the entire new one, even after a crash or on a full disk. Symbolic links are
   preserved; streams such as /dev/stdout are written in place. Error messages contain the path and the system's reason.
   */

#ifndef D2DET_TRAINING_ATOMIC_FILE_HPP
#define D2DET_TRAINING_ATOMIC_FILE_HPP

#include <cstddef>
#include <string>

namespace d2det
{

class AtomicFile
{
public:
    explicit AtomicFile(const std::string& path);
    //! Removes the temporary file unless commit() was called.
    ~AtomicFile();

    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(const void* data, size_t bytes);
    void commit();

private:
    [[noreturn]] void failed(const char* what) const;

    std::string path_, temporary_;
    int file_ = -1;
};

/** Removes what a killed process left in a folder: temporary files of AtomicFile whose process is gone, and names that
    end in ".tmp". Returns how many; what cannot be removed stays. */
int removeStaleFiles(const std::string& folder);

/** Throws Error unless AtomicFile could begin to write the file: finds a wrong path before hours of work. The file
    itself is not touched, and neither are streams. */
void checkWritable(const std::string& path);

//! The path with a suffix at the end of its name, which is cut to the length that file systems allow.
std::string withSuffix(const std::string& path, const std::string& suffix);

void writeTextAtomically(const std::string& path, const std::string& text);
void copyFileAtomically(const std::string& from, const std::string& to);

}  // namespace d2det

#endif
