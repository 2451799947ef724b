// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* One run per output folder: two programs that write the same files at the same time leave neither's. */

#ifndef D2DET_TRAINING_FOLDER_LOCK_HPP
#define D2DET_TRAINING_FOLDER_LOCK_HPP

#include <string>

namespace d2det
{

/** Holds a folder for this process. The lock is the system's (flock on the folder itself), so that no file is left
    when the process ends, however it ends. Where the file system has no locks (some network file systems) nothing is
    held. */
class FolderLock
{
public:
    //! Throws Error if another run holds the folder, which must exist.
    explicit FolderLock(const std::string& folder);
    ~FolderLock();

    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

private:
    int file_;
};

}  // namespace d2det

#endif
