// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Reader of zip archives with stored (not compressed) entries, which is what torch.save writes; with the 64 bit
   extensions. Format: PKWARE's APPNOTE.TXT 4.3.

   Bytes are untrusted. Entries lie inside the file, do not overlap and are not compressed, so the archive unpacks to no
   more than its own size; names are unique, and checksums are compared. */

#ifndef D2DET_TRAINING_ZIP_ARCHIVE_HPP
#define D2DET_TRAINING_ZIP_ARCHIVE_HPP

#include "weights/input_file.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace d2det
{

struct ZipEntry
{
    uint64_t begin = 0;  //!< position of the data in the file
    uint64_t bytes = 0;
    uint32_t crc = 0;
};

class ZipArchive
{
public:
    //! Reads the directory of the archive and checks all of it. Throws Error.
    explicit ZipArchive(InputFile& file);

    const std::map<std::string, ZipEntry>& entries() const { return entries_; }
    //! nullptr if there is no entry of this name.
    const ZipEntry* find(const std::string& name) const;
    //! The data of an entry. Throws Error if the checksum differs.
    std::vector<uint8_t> read(const std::string& name);

private:
    void readDirectory(uint64_t begin, uint64_t bytes, uint64_t count);

    InputFile& file_;
    std::map<std::string, ZipEntry> entries_;
};

//! Checksum of zip: CRC-32 of ISO 3309.
uint32_t crc32(const uint8_t* data, size_t bytes);

}  // namespace d2det

#endif
