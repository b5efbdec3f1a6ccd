# Types each line into a zsh on a terminal, has it completed as by the Tab key, and prints what stands there then.
# usage: zsh -f zsh-terminal.zsh FOLDER-OF-COMPLETIONS LINE...
zmodload zsh/zpty
folder=$1
shift
zpty terminal zsh -f -i
zpty -w terminal "PS1= PS2= RPS1=; stty -echo; cd $folder; fpath=($folder \$fpath); autoload -Uz compinit; compinit -u -d $folder/dump"
zpty -w terminal '
setopt no_auto_menu no_list_ambiguous
show() {
  zle complete-word
  print -r -- "<<$BUFFER>>"
  zle kill-buffer
}
zle -N show
bindkey "^T" show
print rea""dy'
zpty -r terminal said '*ready*' || exit 1
for line; do
  zpty -w -n terminal "$line"$'\x14'
  zpty -r terminal said '*<<*>>*' || exit 2
  print -r -- "${${said##*<<}%%>>*}|"
done
