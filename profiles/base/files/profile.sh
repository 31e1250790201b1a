# Written by kubespore: the programs of the payload, for an administrator's shell.
case ":$PATH:" in
*:/opt/bin:*) ;;
*) PATH=/opt/bin:$PATH ;;
esac
