-- Names are stored in NFC from now on, so that a search finds them however they are typed. Only UTF-8 has such forms.
do $$
begin
  if getdatabaseencoding() = 'UTF8' then
    update qr.codes set name = normalize(name) where name is not normalized;
    update qr.projects set name = normalize(name), description = normalize(description)
      where name is not normalized or description is not normalized;
  end if;
end
$$;
