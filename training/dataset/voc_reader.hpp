// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Pascal VOC: <annotation> with <filename>, <size> (<width>, <height>) and <object>s (<name>, <difficult>, <bndbox>
   with <xmin>, <ymin>, <xmax>, <ymax>), see the development kit of VOC 2007, section 5.

   Corners are 1-based pixel positions, both inclusive: the box covers [xmin - 1, xmax] x [ymin - 1, ymax]. "difficult"
   objects count as crowds: excluded from training, ignored in evaluation. "truncated", <part> and segmentation images
   are not read. The image is the file with the name of the XML file, in the same subfolder; <filename> is used if there
   is no such file. The image size comes from the image header if <size> is missing.

   A list of a split has one name per line: without or with an extension, blanks inside, in quotation marks, with a last
   word 1, 0 or -1 that is a flag, unless a file has just this name.

   Files of more than 4 MiB and what xml_file.hpp refuses are rejected. */

#ifndef D2DET_TRAINING_VOC_READER_HPP
#define D2DET_TRAINING_VOC_READER_HPP

#include "dataset/dataset_finder.hpp"

namespace d2det
{

//! Throws std::runtime_error. Unreadable files are listed in RawDataset::problems.
RawDataset readVoc(const DatasetFiles& files);

}  // namespace d2det

#endif
