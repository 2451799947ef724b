// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "base/folder_lock.hpp"

#include "base/error.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace d2det
{

FolderLock::FolderLock(const std::string& folder)
    : file_(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
{
    if (file_ < 0 || ::flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return;
    ::close(file_);
    file_ = -1;
    fail("another run writes to " + folder + " at this moment: wait for its end, or choose another --output");
}

FolderLock::~FolderLock()
{
    if (file_ >= 0)
        ::close(file_);
}

}  // namespace d2det
