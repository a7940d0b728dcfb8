import { archiveCase, type CaseGroup, lands, refused } from '../case.ts';
import { END, file, GOOD_START, header, manifestFile, pax, podFile, special, withField } from '../tar-bytes.ts';

const GNU = 'ustar  \0';

/** An entry of that type instead of the pod, after a good manifest. */
function typed(title: string, type: string, what: string, linkName = '') {
  return archiveCase(
    title,
    [manifestFile('a1'), special(type, 'a1.tar', linkName), END],
    refused(`member "a1.tar" is ${what}, not a regular file`),
  );
}

export const types: CaseGroup = {
  title: 'Types',
  cases: [
    typed('a symbolic link to `/etc/shadow`', '2', 'a symbolic link', '/etc/shadow'),
    typed('a symbolic link to `../canary/secret`', '2', 'a symbolic link', '../canary/secret'),
    typed('a symbolic link to itself', '2', 'a symbolic link', 'a1.tar'),
    typed('a hard link to `/etc/shadow`', '1', 'a hard link', '/etc/shadow'),
    typed('a hard link to the manifest', '1', 'a hard link', 'checkpointed.pods'),
    typed('a character device', '3', 'a character device'),
    typed('a block device', '4', 'a block device'),
    typed('a directory with a pod’s name', '5', 'a directory'),
    typed('a named pipe', '6', 'a named pipe'),
    typed('a contiguous file', '7', 'a contiguous file'),
    typed('a sparse file of GNU tar', 'S', 'a sparse file'),
    typed('a continued file of a multi-volume archive', 'M', 'of an unknown type'),
    typed('a volume label', 'V', 'of an unknown type'),
    typed('a directory dump of GNU tar', 'D', 'of an unknown type'),
    typed('an old GNU long name', 'N', 'of an unknown type'),
    typed('an extended header of Solaris', 'X', 'of an unknown type'),
    typed('an access control list of Solaris', 'A', 'of an unknown type'),
    typed('an inode of Solaris', 'I', 'of an unknown type'),
    typed('an unknown letter', 'Z', 'of an unknown type'),
    typed('a type that is no letter', '\xff', 'of an unknown type'),
    typed('a type that is a space', ' ', 'of an unknown type'),
    archiveCase(
      'a symbolic link, then a file of the same name through it',
      [manifestFile('a1'), special('2', 'a1.tar', '/etc/cron.d/x'), podFile('a1'), END],
      refused('member "a1.tar" is a symbolic link, not a regular file'),
    ),
    archiveCase(
      'a symbolic link to a directory, then a file in it',
      [...GOOD_START, special('2', 'd', '/etc'), file('d/x.tar', 'x'), END],
      refused('member "d" is a symbolic link, not a regular file'),
    ),
    archiveCase(
      'the manifest as a symbolic link',
      [special('2', 'checkpointed.pods', '/etc/shadow'), podFile('a1'), END],
      refused('member "checkpointed.pods" is a symbolic link, not a regular file'),
    ),
    archiveCase(
      'the manifest as a hard link to the pod',
      [podFile('a1'), special('1', 'checkpointed.pods', 'a1.tar'), END],
      refused('member "checkpointed.pods" is a hard link, not a regular file'),
    ),
    archiveCase(
      'a symbolic link that an extended header calls a file',
      [manifestFile('a1'), pax({ path: 'a1.tar', size: '3' }), special('2', 'a1.tar', '/etc/shadow'), END],
      refused('member "a1.tar" is a symbolic link, not a regular file'),
    ),
    archiveCase(
      'another directory than the root',
      [header({ name: 'd/', type: '5' }), ...GOOD_START, END],
      refused('member "d/" is a directory, not a regular file'),
    ),
    archiveCase(
      'the directory above',
      [header({ name: '../', type: '5' }), ...GOOD_START, END],
      refused('member "../" is a directory, not a regular file'),
    ),
    archiveCase(
      'the root with content',
      [file('./', 'x', { type: '5' }), ...GOOD_START, END],
      refused('member "./" is a directory with content'),
    ),
    archiveCase(
      'the root twice',
      [header({ name: './', type: '5' }), header({ name: '.', type: '5' }), ...GOOD_START, END],
      refused('member "." is there twice'),
    ),
    archiveCase(
      'the root as a symbolic link',
      [special('2', './', '/etc'), ...GOOD_START, END],
      refused('member "./" is a symbolic link, not a regular file'),
    ),
    archiveCase(
      'the root behind an extended header that names another',
      [pax({ path: '../' }), header({ name: './', type: '5' }), ...GOOD_START, END],
      refused('member "../" is a directory, not a regular file', {
        shown: 'member "../" is called "./" in its plain header',
      }),
    ),
    archiveCase(
      'a file of the format before POSIX, whose type is a NUL',
      [manifestFile('a1'), podFile('a1', { type: '\0', magic: '\0'.repeat(8) }), END],
      lands('a1'),
    ),
  ],
};

/** A good pod, of which one field says something that must have no effect. */
function ignored(title: string, field: Parameters<typeof withField>[1], value: Buffer | string) {
  return archiveCase(title, [manifestFile('a1'), withField(podFile('a1'), field, value), END], lands('a1'));
}

export const attributes: CaseGroup = {
  title: 'Attributes that have no effect',
  cases: [
    ignored('mode 6755: set-user-ID, for everybody', 'mode', '0006755\0'),
    ignored('mode 0000', 'mode', '0000000\0'),
    ignored('a mode that is no number', 'mode', 'rwxrwxrw'),
    ignored('owner 65534', 'uid', '0177776\0'),
    ignored('an owner of 2^63 in base-256', 'uid', Buffer.from('8080000000000000', 'hex')),
    ignored('an owner that is no number', 'uid', 'nobody'),
    ignored('a group that is no number', 'gid', '\xff\xff\xff\xff\xff\xff\xff\xff'),
    ignored('the owner `root`, with an escape sequence behind it', 'uname', 'root\x1b[2J'),
    ignored('the group `../../etc`', 'gname', '../../etc'),
    ignored('a link name on a regular file', 'linkName', '/etc/shadow'),
    ignored('device numbers on a regular file', 'devMajor', '0000010\0'),
    ignored('something in the last bytes of the header', 'end', 'hello'),
    archiveCase(
      'extended attributes: a file capability, a SELinux label, an access control list',
      [
        manifestFile('a1'),
        pax({
          'SCHILY.xattr.security.capability': '\x01\x00\x00\x02',
          'RHT.security.selinux': 'system_u:object_r:shadow_t:s0',
          'SCHILY.acl.access': 'user::rwx,user:nobody:rwx',
          uid: '65534',
          uname: '../../x',
        }),
        podFile('a1'),
        END,
      ],
      lands('a1'),
    ),
    archiveCase(
      'a time far before 1970',
      [manifestFile('a1'), pax({ mtime: '-8640000000000' }), podFile('a1'), END],
      lands('a1'),
    ),
    archiveCase(
      'a time far after 2038',
      [manifestFile('a1'), pax({ mtime: '8640000000000.999' }), podFile('a1'), END],
      lands('a1'),
    ),
    archiveCase(
      'the magic of GNU tar, with the atime and ctime that it keeps where others have the prefix',
      [manifestFile('a1'), withField(podFile('a1', { magic: GNU }), 'prefix', '14736512345\x0014736512345\0'), END],
      lands('a1'),
    ),
  ],
};
